import type { LookupAddress, LookupOptions } from 'node:dns'
import { isIPv4, type LookupFunction } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { guardLookup, isAddressAllowed, isHostAllowed, type Network } from '../../../src/guarded-fetch/network-guard.js'

const octetsOf = (ipv4: string) => ipv4.split('.').map(Number) as [number, number, number, number]
const numberOf = (ipv4: string) => octetsOf(ipv4).reduce((sum, octet) => sum * 256 + octet, 0)
const ipv4Of = (number: number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.')
const hexOf = (...octets: number[]) => octets.map((octet) => octet.toString(16).padStart(2, '0')).join('')

/** How an IPv4 address is written inside an IPv6 address. */
const EMBEDDINGS: Readonly<Record<string, (ipv4: string) => string>> = {
  'mapped, dotted': (ipv4) => `::ffff:${ipv4}`,
  'mapped, in hex': (ipv4) => `::ffff:${twoGroups(ipv4)}`,
  'mapped, in capitals': (ipv4) => `::FFFF:${twoGroups(ipv4).toUpperCase()}`,
  'mapped, in full': (ipv4) => `0:0:0:0:0:ffff:${twoGroups(ipv4)}`,
  'mapped, in full with zeros': (ipv4) => `0000:0000:0000:0000:0000:ffff:${twoGroups(ipv4)}`,
  'mapped, with a zone': (ipv4) => `::ffff:${ipv4}%eth0`,
  'compatible, dotted': (ipv4) => `::${ipv4}`,
  'compatible, in hex': (ipv4) => `0:0:0:0:0:0:${twoGroups(ipv4)}`,
  'translated (RFC 2765)': (ipv4) => `::ffff:0:${twoGroups(ipv4)}`,
  'NAT64, dotted': (ipv4) => `64:ff9b::${ipv4}`,
  'NAT64, in hex': (ipv4) => `64:ff9b::${twoGroups(ipv4)}`,
  'NAT64, in full': (ipv4) => `0064:ff9b:0000:0000:0000:0000:${twoGroups(ipv4)}`,
  'local NAT64 (RFC 8215)': (ipv4) => `64:ff9b:1::${twoGroups(ipv4)}`,
  'local NAT64 with another /96': (ipv4) => `64:ff9b:1:abcd:0:1:${twoGroups(ipv4)}`,
  'local NAT64 with a /48 (RFC 6052 §2.2)': (ipv4) => {
    const [a, b, c, d] = octetsOf(ipv4)
    return `64:ff9b:1:${hexOf(a, b)}:${hexOf(0, c)}:${hexOf(d, 0)}::`
  },
  'local NAT64 with a /56 (RFC 6052 §2.2)': (ipv4) => {
    const [a, b, c, d] = octetsOf(ipv4)
    return `64:ff9b:1:${hexOf(0, a)}:${hexOf(0, b)}:${hexOf(c, d)}::`
  },
  'local NAT64 with a /64 (RFC 6052 §2.2)': (ipv4) => {
    const [a, b, c, d] = octetsOf(ipv4)
    return `64:ff9b:1:0:${hexOf(0, a)}:${hexOf(b, c)}:${hexOf(d, 0)}:0`
  },
  '6to4': (ipv4) => `2002:${twoGroups(ipv4)}::`,
  '6to4, with an interface': (ipv4) => `2002:${twoGroups(ipv4)}:1:2:3:4:5`,
}

function twoGroups(ipv4: string): string {
  const [a, b, c, d] = octetsOf(ipv4)
  return `${hexOf(a, b)}:${hexOf(c, d)}`
}

/** RFC 6890 and its successors, with multicast: the first and last address of each block. */
const PRIVATE_BLOCKS: readonly (readonly [name: string, first: string, last: string])[] = [
  ['this network', '0.0.0.0', '0.255.255.255'],
  ['RFC 1918', '10.0.0.0', '10.255.255.255'],
  ['carrier-grade NAT', '100.64.0.0', '100.127.255.255'],
  ['loopback', '127.0.0.0', '127.255.255.255'],
  ['link-local', '169.254.0.0', '169.254.255.255'],
  ['RFC 1918', '172.16.0.0', '172.31.255.255'],
  ['IETF protocols', '192.0.0.0', '192.0.0.255'],
  ['documentation', '192.0.2.0', '192.0.2.255'],
  ['6to4 relays', '192.88.99.0', '192.88.99.255'],
  ['RFC 1918', '192.168.0.0', '192.168.255.255'],
  ['benchmarks', '198.18.0.0', '198.19.255.255'],
  ['documentation', '198.51.100.0', '198.51.100.255'],
  ['documentation', '203.0.113.0', '203.0.113.255'],
  ['multicast', '224.0.0.0', '239.255.255.255'],
  ['reserved', '240.0.0.0', '255.255.255.255'],
]

const PUBLIC_ADDRESSES = ['8.8.8.8', '1.1.1.1', '9.9.9.9', '93.184.216.34', '52.94.236.248', '2606:4700:4700::1111']
const METADATA_IPV4 = ['169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '168.63.129.16']

const allowedIn = (network: Network) => (address: string) => isAddressAllowed(address, network)
const verdictsOf = (address: string) => [isAddressAllowed(address, 'any'), isAddressAllowed(address, 'public')]

describe('what is no address', () => {
  it.each([
    '',
    ' ',
    '%',
    '%eth0',
    'localhost',
    'idp.example.com',
    '8.8.8',
    '8.8.8.8.8',
    '8.8.8.256',
    '8.8.8.8 ',
    ' 8.8.8.8',
    '8.8.8.8/32',
    '8.8.8.8:443',
    '08.8.8.8',
    '0x8.8.8.8',
    '134744072',
    '[2606:4700:4700::1111]',
    '2606:4700:4700:::1111',
    '2606:4700:4700::1111::',
    ':',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:8.8.8',
    '::ffff:8.8.8.8.8',
    '::g',
    '\u0000',
    '8.8.8.8\u0000',
  ])('is not allowed: %j', (text) => expect(verdictsOf(text)).toEqual([false, false]))

  it.each(['8.8.8.8%eth0', '8.8.8.8%', '1.1.1.1%25eth0'])('is not allowed: %j, because only IPv6 has zones', (text) =>
    expect(verdictsOf(text)).toEqual([false, false]),
  )
})

describe('the address of a metadata service', () => {
  describe.each(METADATA_IPV4)('%s', (ipv4) => {
    it('is refused everywhere', () => expect(verdictsOf(ipv4)).toEqual([false, false]))

    it.each(Object.keys(EMBEDDINGS))('is refused everywhere as IPv6: %s', (name) => {
      expect(verdictsOf(EMBEDDINGS[name]?.(ipv4) ?? '8.8.8.8')).toEqual([false, false])
    })
  })

  it.each([
    ['fd00:ec2::254', 'AWS'],
    ['fd00:0ec2:0000::0254', 'AWS, otherwise written'],
    ['FD00:EC2::254%eth0', 'AWS, with a zone'],
    ['fd00:ec2::23', 'AWS EKS'],
    ['fd20:ce::254', 'Google'],
    ['fe80::a9fe:a9fe', 'OpenStack'],
    ['fe80::a9fe:a9fe%eth0', 'OpenStack, with a zone'],
    ['fe80::169.254.169.254%1', 'OpenStack, dotted'],
  ])('is refused everywhere: %s (%s)', (address) => expect(verdictsOf(address)).toEqual([false, false]))

  it.each([
    ['fd00:a9fe:a9fe::1', 'Akamai: techdocs.akamai.com, "Use the Metadata service API"'],
    ['fd00:c1::a9fe:a9fe', 'Oracle: oci-python-sdk, instance principals'],
    ['169.254.42.42', 'Scaleway: cloud-init, datasource Scaleway'],
    ['fd00:42::42', 'Scaleway: cloud-init, datasource Scaleway'],
    ['169.254.0.23', 'Tencent'],
    ['192.0.0.192', 'Oracle Classic'],
  ])('is refused everywhere: %s (%s)', (address) => expect(verdictsOf(address)).toEqual([false, false]))

  it.each([
    'https://169.254.169.254/',
    'https://169.254.169.254./',
    'https://169.254.43518/',
    'https://169.16689662/',
    'https://2852039166/',
    'https://0xa9fea9fe/',
    'https://0xa9.0xfe.0xa9.0xfe/',
    'https://0251.0376.0251.0376/',
    'https://0251.254.0xa9fe/',
    'https://①⑥⑨.254.169.254/',
    'https://１６９。２５４。１６９。２５４/',
    'https://%31%36%39.254.169.254/',
    'https://169.254.169.254:443/',
    'https://[::ffff:169.254.169.254]/',
    'https://[::ffff:a9fe:a9fe]/',
    'https://[0:0:0:0:0:FFFF:A9FE:A9FE]/',
    'https://[::169.254.169.254]/',
    'https://[64:ff9b::169.254.169.254]/',
    'https://[2002:a9fe:a9fe::]/',
    'https://[fd00:ec2::254]/',
    'https://[FD00:0EC2:0:0:0:0:0:0254]/',
  ])('is refused as the host of %s', (url) => {
    const { hostname } = new URL(url)
    expect([isHostAllowed(hostname, 'any'), isHostAllowed(hostname, 'public')]).toEqual([false, false])
  })

  it('is refused alone: its neighbours in a private network are not', () => {
    const neighbours = ['169.254.169.253', '169.254.169.255', '169.254.170.3', '100.100.100.201', 'fd00:ec2::253']
    expect(neighbours.map(verdictsOf)).toEqual(neighbours.map(() => [true, false]))
    expect(['168.63.129.15', '168.63.129.17', '::ffff:168.63.129.17'].map(verdictsOf)).toEqual([
      [true, true],
      [true, true],
      [true, true],
    ])
  })
})

describe('a private address', () => {
  it.each(PRIVATE_BLOCKS)('of %s is not public, from %s to %s', (_, first, last) => {
    expect([first, last].map(allowedIn('public'))).toEqual([false, false])
  })

  it.each(Object.keys(EMBEDDINGS))('is not public as IPv6 either: %s', (name) => {
    const addresses = PRIVATE_BLOCKS.flatMap(([, first, last]) => [first, last]).map((ipv4) => EMBEDDINGS[name]?.(ipv4))
    expect(addresses.filter((address) => isAddressAllowed(address ?? '8.8.8.8', 'public'))).toEqual([])
  })

  it.each([
    ['unspecified', '::'],
    ['unspecified, in full', '0:0:0:0:0:0:0:0'],
    ['loopback', '::1'],
    ['loopback, in full', '0000:0000:0000:0000:0000:0000:0000:0001'],
    ['loopback, dotted', '::0.0.0.1'],
    ['IPv4-compatible, though the IPv4 address is public', '::8.8.8.8'],
    ['IPv4-translated, though the IPv4 address is public', '::ffff:0:8.8.8.8'],
    ['unassigned', '::1:0:0:0'],
    ['beside NAT64', '64:ff9a::808:808'],
    ['beside NAT64', '64:ff9c::808:808'],
    ['beside NAT64', '64:ff9b:0:0:0:1:808:808'],
    ['beside NAT64', '64:ff9b:0:1::808:808'],
    ['local NAT64, though the IPv4 address is public', '64:ff9b:1::808:808'],
    ['local NAT64, its end', '64:ff9b:1:ffff:ffff:ffff:ffff:ffff'],
    ['discarded', '100::'],
    ['discarded', '100::ffff:ffff:ffff:ffff'],
    ['dummy', '100:0:0:1::'],
    ['unassigned', '200::'],
    ['unassigned', '400::1'],
    ['unassigned', '800::1'],
    ['unassigned', '1000::1'],
    ['the end of what is unassigned', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['Teredo', '2001::1'],
    ['Teredo, though its IPv4 addresses are public', '2001:0:4136:e378:8000:63bf:f7f7:f7f7'],
    ['benchmarks', '2001:2::1'],
    ['AMT', '2001:3::1'],
    ['ORCHID', '2001:10::1'],
    ['ORCHIDv2', '2001:20::1'],
    ['the end of the IETF protocols', '2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['documentation', '2001:db8::'],
    ['documentation', '2001:DB8:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['documentation', '3fff::'],
    ['documentation', '3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['6to4, though the IPv4 address is public', '2002:808:808::1'],
    ['6to4, its end', '2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['unassigned', '4000::'],
    ['segment routing', '5f00::1'],
    ['unassigned', '8000::'],
    ['unassigned', 'fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['unique local', 'fc00::1'],
    ['unique local', 'fd12:3456:789a::1'],
    ['unique local, its end', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['link-local, its end', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['multicast', 'ff0e::1'],
    ['the last one', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('is not public: %s, %s', (_, address) => expect(isAddressAllowed(address, 'public')).toBe(false))

  it('is allowed in any network', () => {
    const addresses = ['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', '::ffff:10.0.0.1', 'fd12::1', 'fe80::1%eth0']
    expect(addresses.filter((address) => !isAddressAllowed(address, 'any'))).toEqual([])
  })

  it('is not public in any block nor in any embedding', () => {
    const inBlock = fc
      .constantFrom(...PRIVATE_BLOCKS)
      .chain(([, first, last]) => fc.integer({ min: numberOf(first), max: numberOf(last) }))
    fc.assert(
      fc.property(inBlock.map(ipv4Of), (ipv4) => {
        const spellings = [ipv4, ...Object.values(EMBEDDINGS).map((embed) => embed(ipv4))]
        expect(spellings.filter(allowedIn('public'))).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    'https://0x7f.1/',
    'https://0x7f000001/',
    'https://127.1/',
    'https://127.0.0.1./',
    'https://2130706433/',
    'https://017700000001/',
    'https://0177.0.0.1/',
    'https://①②⑦.0.0.1/',
    'https://127。0。0。1/',
    'https://%31%32%37.0.0.1/',
    'https://0/',
    'https://0x0/',
    'https://10.1/',
    'https://167772161/',
    'https://192.168.257/',
    'https://0xc0a80101/',
    'https://0300.0250.1/',
    'https://4294967295/',
    'https://[::]/',
    'https://[::1]/',
    'https://[0:0:0:0:0:0:0:1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[::127.0.0.1]/',
    'https://[64:ff9b::10.0.0.1]/',
    'https://[2002:7f00:1::]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://localhost/',
    'https://LOCALHOST/',
    'https://localhost./',
    'https://LocalHost%2e/',
    'https://loc\u00ADalhost/',
    'https://ｌｏｃａｌｈｏｓｔ/',
    'https://idp.localhost/',
    'https://idp.localhost./',
    'https://a.b.LOCALHOST/',
  ])('is not public as the host of %s, and allowed in any network', (url) => {
    const { hostname } = new URL(url)
    expect([isHostAllowed(hostname, 'any'), isHostAllowed(hostname, 'public')]).toEqual([true, false])
  })
})

describe('a public address', () => {
  it.each([
    ...PUBLIC_ADDRESSES,
    '64:ff9b::808:808',
    '64:ff9b::8.8.8.8',
    '::ffff:8.8.8.8',
    '::ffff:808:808',
    '0:0:0:0:0:FFFF:808:808',
    '2000::',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2001:db7:ffff::1',
    '2001:db9::1',
    '2003::1',
    '2600::',
    '2a00:1450:4001:824::200e',
    '3ffe::1',
    '3fff:1000::1',
    '2606:4700:4700::1111%eth0',
  ])('is allowed: %s', (address) => expect(verdictsOf(address)).toEqual([true, true]))

  it.each([
    '1.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '191.255.255.255',
    '192.0.1.0',
    '192.0.1.255',
    '192.0.3.0',
    '192.88.98.255',
    '192.88.100.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '198.51.99.255',
    '198.51.101.0',
    '203.0.112.255',
    '203.0.114.0',
    '223.255.255.255',
  ])('is allowed just outside a private block: %s', (ipv4) => {
    const carried = [ipv4, `::ffff:${ipv4}`, `::ffff:${twoGroups(ipv4)}`, `64:ff9b::${ipv4}`]
    expect(carried.map(verdictsOf)).toEqual(carried.map(() => [true, true]))
  })

  it('is every other IPv4 address, as it stands, mapped or through NAT64', () => {
    const isElsewhere = (number: number) =>
      !METADATA_IPV4.includes(ipv4Of(number)) &&
      PRIVATE_BLOCKS.every(([, first, last]) => number < numberOf(first) || number > numberOf(last))
    const elsewhere = fc
      .integer({ min: 0, max: 2 ** 32 - 1 })
      .filter(isElsewhere)
      .map(ipv4Of)
    fc.assert(
      fc.property(elsewhere, (ipv4) => {
        const carried = [ipv4, `::ffff:${twoGroups(ipv4)}`, `64:ff9b::${twoGroups(ipv4)}`]
        expect(carried.filter((address) => !isAddressAllowed(address, 'public'))).toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    'https://8.8.8.8/',
    'https://0x08080808/',
    'https://[2606:4700:4700::1111]/',
    'https://[::ffff:8.8.8.8]/',
    'https://[64:ff9b::808:808]/',
  ])('is allowed as the host of %s', (url) => expect(isHostAllowed(new URL(url).hostname, 'public')).toBe(true))
})

describe('the name of a host', () => {
  it.each(['localhost', 'LOCALHOST', 'LocalHost.', 'idp.LOCALHOST'])(
    'is this machine itself, not public: %s',
    (name) => {
      expect([isHostAllowed(name, 'any'), isHostAllowed(name, 'public')]).toEqual([true, false])
    },
  )

  it.each([
    'idp.example.com',
    'idp.example.com.',
    'localhost.example.com',
    'mylocalhost',
    'xn--bcher-kva.example',
    '10.0.0.1.example.com',
    'metadata.google.internal',
  ])('is judged when it is resolved, and not before: %s', (name) => {
    expect([isHostAllowed(name, 'any'), isHostAllowed(name, 'public')]).toEqual([true, true])
  })
})

describe('a guarded lookup', () => {
  type Answer = Parameters<Parameters<LookupFunction>[2]>
  interface Outcome {
    error: NodeJS.ErrnoException | null
    address: string | LookupAddress[]
    family: number | undefined
  }
  const lookupOf =
    (...answer: Answer): LookupFunction =>
    (_hostname, _options, callback) =>
      callback(...answer)
  const resolve = (
    lookup: LookupFunction | undefined,
    network: Network,
    options: LookupOptions = {},
    name = 'idp.test',
  ) =>
    new Promise<Outcome>((done) => {
      guardLookup(network, lookup)(name, options, (error, address, family) => done({ error, address, family }))
    })
  const listed = (...addresses: string[]) => addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }))
  const [ALL, ONE] = [{ all: true }, {}]

  it('passes an error on as it is', async () => {
    const error = Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })
    for (const options of [ALL, ONE]) {
      expect((await resolve(lookupOf(error, ''), 'any', options)).error).toBe(error)
      expect((await resolve(lookupOf(error, '8.8.8.8', 4), 'public', options)).error).toBe(error)
      expect((await resolve(lookupOf(error, listed('8.8.8.8')), 'public', options)).error).toBe(error)
    }
  })

  it.each<[string, Network, string | LookupAddress[]]>([
    ['none', 'any', []],
    ['an empty one', 'any', ''],
    ['what is no address', 'any', 'idp.example.com'],
    ['only what is no address', 'any', listed('', 'idp.example.com', '8.8.8')],
    ['the metadata service', 'any', '169.254.169.254'],
    ['the metadata service', 'any', listed('169.254.169.254', '::ffff:169.254.169.254', 'fd00:ec2::254')],
    ['a private one', 'public', '10.0.0.1'],
    ['private ones', 'public', listed('10.0.0.1', '127.0.0.1', '::1', 'fd12::1')],
  ])('fails where the answer is %s (%s)', async (_, network, found) => {
    for (const options of [ALL, ONE]) {
      const { error, address } = await resolve(lookupOf(null, found, 4), network, options)
      expect([error?.code, address.length]).toEqual(['EADDRNOTALLOWED', 0])
    }
  })

  it('names neither the name nor the address in its error', async () => {
    const { error } = await resolve(lookupOf(null, '10.1.2.3', 4), 'public')
    expect(error?.message).not.toMatch(/10\.1\.2\.3|idp\.test/)
  })

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 7],
    ['one address without its list', { address: '8.8.8.8', family: 4 }],
    ['a list with null in it', [null]],
    ['a list of texts', ['10.0.0.1']],
    ['a list of empty objects', [{}]],
  ])('fails, and throws nothing, where a lookup of the host answers %s', async (_, found) => {
    const { error } = await resolve(lookupOf(null, found as string), 'public', ALL)
    expect(error?.code).toBe('EADDRNOTALLOWED')
  })

  it('leaves private addresses out of a mixed answer, and keeps the order', async () => {
    const mixed = listed('10.0.0.1', '2606:4700:4700::1111', '::1', '8.8.8.8', '169.254.169.254')
    const { error, address } = await resolve(lookupOf(null, mixed), 'public', ALL)
    expect([error, address]).toEqual([null, listed('2606:4700:4700::1111', '8.8.8.8')])
  })

  it('leaves a metadata service alone out of a mixed answer in any network', async () => {
    const mixed = listed('169.254.169.254', '10.0.0.1', '::ffff:a9fe:a9fe', '8.8.8.8')
    expect((await resolve(lookupOf(null, mixed), 'any', ALL)).address).toEqual(listed('10.0.0.1', '8.8.8.8'))
  })

  it('gives the first address that is allowed where one is asked for, though the answer has several', async () => {
    const found = listed('10.0.0.1', '2606:4700:4700::1111', '8.8.8.8')
    const outcome = await resolve(lookupOf(null, found), 'public', ONE)
    expect(outcome).toEqual({ error: null, address: '2606:4700:4700::1111', family: 6 })
  })

  it('gives a list where all are asked for, though the answer is one', async () => {
    expect((await resolve(lookupOf(null, '8.8.8.8', 4), 'public', ALL)).address).toEqual(listed('8.8.8.8'))
    expect((await resolve(lookupOf(null, '2606:4700:4700::1111'), 'public', ALL)).address).toEqual(
      listed('2606:4700:4700::1111'),
    )
  })

  it('gives one address with its family', async () => {
    expect(await resolve(lookupOf(null, '8.8.8.8', 4), 'public')).toEqual({
      error: null,
      address: '8.8.8.8',
      family: 4,
    })
    expect((await resolve(lookupOf(null, '2606:4700:4700::1111'), 'public')).family).toBe(6)
  })

  it('asks for what it was asked for', async () => {
    const asked: unknown[] = []
    const lookup: LookupFunction = (hostname, options, callback) => {
      asked.push([hostname, options])
      callback(null, '8.8.8.8', 4)
    }
    const options = { family: 4, hints: 32, all: false }
    await resolve(lookup, 'public', options, 'idp.example.com')
    expect(asked).toEqual([['idp.example.com', options]])
  })

  it('asks the system where there is no other lookup', async () => {
    expect((await resolve(undefined, 'any', { family: 4 }, 'localhost')).address).toBe('127.0.0.1')
    expect((await resolve(undefined, 'public', ALL, 'localhost')).error?.code).toBe('EADDRNOTALLOWED')
  })

  it('gives no address that is not allowed, whatever the answer', async () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom(...METADATA_IPV4, '::1', '10.0.0.1', '8.8.8.8', ''))
    const networks = fc.constantFrom<Network>('any', 'public')
    await fc.assert(
      fc.asyncProperty(fc.array(address), networks, async (addresses, network) => {
        const { error, address: given } = await resolve(lookupOf(null, listed(...addresses)), network, ALL)
        const expected = addresses.filter(allowedIn(network))
        expect(error === null ? given : []).toEqual(listed(...expected))
      }),
    )
  })
})
