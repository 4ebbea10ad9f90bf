import { beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { currentMoment } from '../../../src/clock/clock.js'
import { UnknownKids } from '../../../src/jwks/unknown-kids.js'
import type { KeyHeader } from '../../../src/verification-keys/key-source.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const REMEMBER_FOR = 30_000

describe('the memory of unknown kids', () => {
  let clock: AdjustableClock
  let kids: UnknownKids

  beforeEach(() => {
    clock = new AdjustableClock()
    kids = new UnknownKids(REMEMBER_FOR, clock)
  })

  const headerOf = (kid: string | number): KeyHeader => ({ alg: 'ES256', kid: String(kid) })
  const add = (header: KeyHeader, memory = kids) => memory.add(header, currentMoment(clock))
  const addMany = (count: number, from = 0) => {
    for (let index = from; index < from + count; index += 1) add(headerOf(index))
  }

  it('has none at first', () => {
    expect([kids.has(headerOf('a')), kids.has({ alg: 'ES256' }), kids.size]).toEqual([false, false, 0])
  })

  it.each<[string, KeyHeader]>([
    ['another kid', { alg: 'ES256', kid: 'b' }],
    ['the kid in capitals', { alg: 'ES256', kid: 'A' }],
    ['the kid with a space', { alg: 'ES256', kid: 'a ' }],
    ['another algorithm', { alg: 'RS256', kid: 'a' }],
    ['no kid', { alg: 'ES256' }],
    ['an empty kid', { alg: 'ES256', kid: '' }],
    ['what reads alike in one text', { alg: 'ES256a', kid: '' }],
    ['what reads alike in one text', { alg: 'ES256","a', kid: '' }],
  ])('does not know %s for one that it has', (_, other) => {
    add({ alg: 'ES256', kid: 'a' })
    expect([kids.has(other), kids.has({ alg: 'ES256', kid: 'a' })]).toEqual([false, true])
  })

  it.each(['null', 'undefined', ''])('does not know a kid %j for none', (kid) => {
    add({ alg: 'ES256' })
    expect([kids.has({ alg: 'ES256', kid }), kids.has({ alg: 'ES256' })]).toEqual([false, true])
  })

  it('tells lone surrogates apart', () => {
    add(headerOf('\ud800'))
    expect([kids.has(headerOf('\ud801')), kids.has(headerOf('\ufffd')), kids.has(headerOf('\ud800'))]).toEqual([
      false,
      false,
      true,
    ])
  })

  it('does not see more in a header than algorithm and kid', () => {
    add(headerOf('a'))
    expect(kids.has({ ...headerOf('a'), typ: 'JWT' } as KeyHeader)).toBe(true)
  })

  it('forgets one after its time and not earlier', () => {
    add(headerOf('a'))
    clock.advance(29.999)
    expect(kids.has(headerOf('a'))).toBe(true)
    clock.advance(0.001)
    expect(kids.has(headerOf('a'))).toBe(false)
  })

  it('counts from when the endpoint was asked, not from when it answered', () => {
    const askedAt = currentMoment(clock)
    clock.advance(5)
    kids.add(headerOf('a'), askedAt)
    clock.advance(24.999)
    expect(kids.has(headerOf('a'))).toBe(true)
    clock.advance(0.001)
    expect(kids.has(headerOf('a'))).toBe(false)
  })

  it('remembers one for the whole time again when it is added again', () => {
    add(headerOf('a'))
    clock.advance(20)
    add(headerOf('a'))
    clock.advance(29.999)
    expect([kids.has(headerOf('a')), kids.size]).toEqual([true, 1])
  })

  it('does not remember one for longer because it is asked for', () => {
    add(headerOf('a'))
    for (let second = 0; second < 30; second += 1) {
      kids.has(headerOf('a'))
      clock.advance(1)
    }
    expect(kids.has(headerOf('a'))).toBe(false)
  })

  it('forgets one after its time by the clock that has gone further', () => {
    add(headerOf('a'))
    clock.set(clock.now() - 86_400)
    clock.advance(29.999)
    expect(kids.has(headerOf('a'))).toBe(true)
    clock.advance(0.001)
    expect(kids.has(headerOf('a'))).toBe(false)
    add(headerOf('b'))
    clock.set(clock.now() + 30) // As when the monotonic clock stands still.
    expect(kids.has(headerOf('b'))).toBe(false)
  })

  it('holds a thousand, and the oldest goes first', () => {
    addMany(1000)
    expect([kids.size, kids.has(headerOf(0))]).toEqual([1000, true])
    addMany(1, 1000)
    expect([kids.size, kids.has(headerOf(0)), kids.has(headerOf(1)), kids.has(headerOf(1000))]).toEqual([
      1000,
      false,
      true,
      true,
    ])
  })

  it('takes one that is added again for the youngest', () => {
    addMany(1000)
    add(headerOf(0))
    addMany(1, 1000)
    expect([kids.has(headerOf(0)), kids.has(headerOf(1))]).toEqual([true, false])
  })

  it('holds a thousand of any flood, and these are the latest', () => {
    addMany(5000)
    expect(kids.size).toBe(1000)
    expect([kids.has(headerOf(3999)), kids.has(headerOf(4000)), kids.has(headerOf(4999))]).toEqual([false, true, true])
  })

  it('has none once it is cleared, and takes new ones', () => {
    addMany(10)
    kids.clear()
    expect([kids.size, kids.has(headerOf(0))]).toEqual([0, false])
    add(headerOf(0))
    expect([kids.size, kids.has(headerOf(0)), kids.has(headerOf(1))]).toEqual([1, true, false])
  })

  it('has just those that were added, whatever they are', () => {
    const header = fc.record({ alg: fc.string(), kid: fc.string({ unit: 'binary' }) }, { requiredKeys: ['alg'] })
    fc.assert(
      fc.property(fc.array(header), header, (added, asked) => {
        const memory = new UnknownKids(REMEMBER_FOR, clock)
        for (const each of added) add(each, memory)
        const isAdded = added.some(({ alg, kid }) => alg === asked.alg && kid === asked.kid)
        expect([memory.has(asked), added.every((each) => memory.has(each))]).toEqual([isAdded, true])
      }),
    )
  })
})
