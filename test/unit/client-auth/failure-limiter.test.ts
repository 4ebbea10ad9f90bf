import { describe, expect, it } from '@jest/globals'
import { FailureLimiter } from '../../../src/client-auth/failure-limiter.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const HERE = '192.0.2.1'

function setUp({ maxFailures = 3, failureWindow = 30 } = {}) {
  const clock = new AdjustableClock()
  const limiter = new FailureLimiter({ maxFailures, failureWindow }, clock)
  const isAllowed = (clientId = 'app', address = HERE) => limiter.retryAfter(clientId, address) === undefined
  const fail = (times: number, clientId = 'app', address = HERE) => {
    for (let failure = 0; failure < times; failure += 1) limiter.countFailure(clientId, address)
  }
  return { clock, limiter, isAllowed, fail }
}

describe('the limit on failed client authentications', () => {
  it('allows the configured number of failures, then refuses', () => {
    const { fail, isAllowed } = setUp({ maxFailures: 3 })
    fail(2)
    expect(isAllowed()).toBe(true)
    fail(1)
    expect(isAllowed()).toBe(false)
  })

  it('counts no success', () => {
    const { isAllowed } = setUp({ maxFailures: 1 })
    for (let success = 0; success < 100; success += 1) expect(isAllowed()).toBe(true)
  })

  it('tells in whole seconds when to try again, and is right about it', () => {
    const { clock, limiter, fail, isAllowed } = setUp({ maxFailures: 3, failureWindow: 30 })
    fail(3)
    const retryAfter = limiter.retryAfter('app', HERE)
    expect(retryAfter).toBe(10)
    clock.advance(9.9)
    expect(isAllowed()).toBe(false)
    clock.advance(0.1)
    expect(isAllowed()).toBe(true)
  })

  it('tells a whole second where less would do', () => {
    const { limiter, fail } = setUp({ maxFailures: 500, failureWindow: 1 })
    fail(500)
    expect(limiter.retryAfter('app', HERE)).toBe(1)
  })

  it('gives the whole allowance back within the window', () => {
    const { clock, fail, isAllowed } = setUp({ maxFailures: 3, failureWindow: 30 })
    fail(3)
    clock.advance(30)
    fail(2)
    expect(isAllowed()).toBe(true)
    fail(1)
    expect(isAllowed()).toBe(false)
  })

  it('does not grow worse by failures that were under way when it was reached', () => {
    const { clock, fail, isAllowed } = setUp({ maxFailures: 3, failureWindow: 30 })
    fail(50)
    clock.advance(10)
    expect(isAllowed()).toBe(true)
  })

  it('is apart for each client and each address', () => {
    const { fail, isAllowed } = setUp({ maxFailures: 1 })
    fail(1, 'app', HERE)
    expect(isAllowed('app', HERE)).toBe(false)
    expect(isAllowed('other', HERE)).toBe(true)
    expect(isAllowed('app', '192.0.2.2')).toBe(true)
  })

  it('does not take one pair for another that is spelled alike', () => {
    const { fail, isAllowed } = setUp({ maxFailures: 1 })
    for (const [id, address, otherId, otherAddress] of [
      ['ab', 'c', 'a', 'bc'],
      ['a","b', 'c', 'a', 'b","c'],
    ] as const) {
      fail(1, id, address)
      expect([isAllowed(id, address), isAllowed(otherId, otherAddress)]).toEqual([false, true])
    }
  })

  it('does not mind when somebody sets the wall clock', () => {
    const { clock, fail, isAllowed } = setUp({ maxFailures: 1, failureWindow: 30 })
    fail(1)
    clock.set(clock.now() + 3600)
    expect(isAllowed()).toBe(false)
  })

  it('remembers 10 000 pairs, and of more the longest unused goes', () => {
    const { fail, isAllowed } = setUp({ maxFailures: 1, failureWindow: 86_400 })
    fail(1, 'first')
    fail(1, 'second')
    for (let index = 0; index < 9_998; index += 1) fail(1, `client ${index}`)
    expect(isAllowed('first')).toBe(false)
    fail(1, 'first')
    fail(1, 'one more')
    expect(isAllowed('first')).toBe(false)
    expect(isAllowed('second')).toBe(true)
    expect(isAllowed('client 0')).toBe(false)
  })
})

describe('made-up client ids', () => {
  it('do not flush the count of a client under attack, though there are more of them than are remembered', () => {
    const clock = new AdjustableClock()
    const limiter = new FailureLimiter({ maxFailures: 5, failureWindow: 600 }, clock)
    for (let failure = 0; failure < 5; failure += 1) limiter.countFailure('app', '192.0.2.1')
    for (let count = 0; count < 12_000; count += 1) {
      limiter.countFailure(`made-up-${count}`, '192.0.2.1')
      clock.advance(0.001)
      if (count % 1000 === 0) limiter.countFailure('app', '192.0.2.1')
    }
    expect(limiter.retryAfter('app', '192.0.2.1')).toBeDefined()
  })
})
