import { BlockList } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { networkOf } from '../../../src/client-auth/failing-addresses.js'

describe('one address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:51234', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:51234', '192.0.2.1'],
    ['::ffff:192.0.2.1%eth0', '192.0.2.1'],
    ['::ffff:0:192.0.2.1', '192.0.2.1'],
    ['::192.0.2.1', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '192.0.2.1'],
    ['2002:c000:201::1', '192.0.2.1'],
    ['2002:c000:201:ffff::2', '192.0.2.1'],
    ['::ffff:255.255.255.255', '255.255.255.255'],
  ])('%s counts as the IPv4 address %s', (address, expected) => {
    expect(networkOf(address)).toBe(expected)
  })

  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff:ffff:192.0.2.1', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2::9]:443', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['fe80::1%eth1', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['1::', '1:0:0:0::/64'],
    ['::2:3:4:5:6', '0:0:0:2::/64'],
    ['64:ff9b:1::1', '64:ff9b:1:0::/64'],
  ])('%s counts as its /64', (address, expected) => {
    expect(networkOf(address)).toBe(expected)
  })

  it.each(['', 'unknown', 'unix:', '_hidden', '1.2.3', '01.2.3.4', '1.2.3.4:x', '1.2.3.4, 5.6.7.8', ':::', '2001:db8'])(
    '%j, which is no address, counts as itself',
    (address) => {
      expect(networkOf(address)).toBe(address)
    },
  )

  it('that is too long stays apart from every other one, and takes no more room', () => {
    const [one, other] = [networkOf(`${'x'.repeat(100_000)}a`), networkOf(`${'x'.repeat(100_000)}b`)]
    expect(one).not.toBe(other)
    expect(one.length).toBeLessThan(65)
  })

  it('is in the /64 that it counts as, and so is each of its neighbours, however it is written', () => {
    const group = fc.integer({ min: 0, max: 0xffff })
    const groups = fc.tuple(fc.integer({ min: 0x2003, max: 0xffff }), group, group, group)
    const hosts = fc.tuple(group, group, group, group)
    const write = (all: number[]) => all.map((each) => each.toString(16)).join(':')
    fc.assert(
      fc.property(groups, hosts, hosts, (network, host, neighbour) => {
        const address = write([...network, ...host])
        const counted = networkOf(address)
        const list = new BlockList()
        list.addSubnet(counted.replace('/64', ''), 64, 'ipv6')
        expect(list.check(address, 'ipv6')).toBe(true)
        expect(networkOf(write([...network, ...neighbour]))).toBe(counted)
        expect(networkOf(new URL(`http://[${address}]/`).hostname)).toBe(counted)
      }),
    )
  })

  it('never takes longer for any text, and gives the same for the same text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: 'binary' }), (text) => {
        expect(networkOf(text)).toBe(networkOf(text))
        expect(networkOf(text).length).toBeLessThan(66)
      }),
    )
    for (const text of [':'.repeat(1e6), '['.repeat(1e6), '1.'.repeat(1e6), `${'0'.repeat(1e6)}:1`]) {
      const start = performance.now()
      networkOf(text)
      expect(performance.now() - start).toBeLessThan(2000)
    }
  })
})
