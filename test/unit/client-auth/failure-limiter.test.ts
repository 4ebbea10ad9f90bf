import { describe, expect, it } from '@jest/globals'
import { FailureLimiter } from '../../../src/client-auth/failure-limiter.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const HERE = '192.0.2.1'

function setUp({ maxFailures = 3, failureWindow = 30 } = {}) {
  const clock = new AdjustableClock()
  const limiter = new FailureLimiter({ maxFailures, failureWindow }, clock)
  const isAllowed = (clientId = 'app', address = HERE) => limiter.retryAfter(clientId, address) === undefined
  const fail = (times: number, clientId = 'app', address = HERE) => {
    for (let failure = 0; failure < times; failure += 1) limiter.countFailure(clientId, address, true)
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

  it('counts each guess of an attempt, and tells when all that were too many are made up for', () => {
    const { clock, limiter, isAllowed } = setUp({ maxFailures: 3, failureWindow: 30 })
    for (let failure = 0; failure < 2; failure += 1) limiter.countFailure('app', HERE, true, 2)
    expect(limiter.retryAfter('app', HERE)).toBe(20)
    clock.advance(19.9)
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
    for (let failure = 0; failure < 5; failure += 1) limiter.countFailure('app', '192.0.2.1', true)
    for (let count = 0; count < 12_000; count += 1) {
      limiter.countFailure(`made-up-${count}`, '192.0.2.1', false)
      clock.advance(0.001)
      if (count % 1000 === 0) limiter.countFailure('app', '192.0.2.1', true)
    }
    expect(limiter.retryAfter('app', '192.0.2.1')).toBeDefined()
  })
})

describe('the limit over all addresses', () => {
  /** From as many addresses as it takes, none of which reaches the limit of its own. */
  const failEverywhere = ({ limiter }: ReturnType<typeof setUp>, times: number, clientId = 'app') => {
    for (let count = 0; count < times; count += 1) {
      limiter.countFailure(clientId, `10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`, true)
    }
  }

  it('is 100 times that of one address', () => {
    const tested = setUp({ maxFailures: 2, failureWindow: 86_400 })
    failEverywhere(tested, 199)
    expect(tested.isAllowed('app', HERE)).toBe(true)
    failEverywhere(tested, 1)
    expect(tested.isAllowed('app', HERE)).toBe(false)
    expect(tested.isAllowed('other', HERE)).toBe(true)
  })

  it('comes back within the window, and says in whole seconds when', () => {
    const tested = setUp({ maxFailures: 1, failureWindow: 1000 })
    failEverywhere(tested, 100)
    expect(tested.limiter.retryAfter('app', HERE)).toBe(10)
    tested.clock.advance(9.9)
    expect(tested.isAllowed('app', HERE)).toBe(false)
    tested.clock.advance(0.1)
    expect(tested.isAllowed('app', HERE)).toBe(true)
  })

  it('does not lock out an address from which the client has authenticated itself within the window', () => {
    const tested = setUp({ maxFailures: 1, failureWindow: 600 })
    const { limiter, clock, isAllowed } = tested
    limiter.countSuccess('app', HERE)
    limiter.countSuccess('app', '2001:db8:1:2::7')
    clock.advance(599)
    failEverywhere(tested, 100)
    expect([isAllowed('app', HERE), isAllowed('app', '2001:db8:1:2:ffff::8')]).toEqual([true, true])
    expect([isAllowed('app', '192.0.2.9'), isAllowed('app', '2001:db8:1:3::7')]).toEqual([false, false])
    limiter.countFailure('app', HERE, true)
    expect(isAllowed('app', HERE)).toBe(false)
    clock.advance(1)
    failEverywhere(tested, 100)
    expect(isAllowed('app', '2001:db8:1:2::7')).toBe(false)
  })

  it('does not exempt an address for a success of another client', () => {
    const tested = setUp({ maxFailures: 1 })
    tested.limiter.countSuccess('other', HERE)
    failEverywhere(tested, 100)
    expect(tested.isAllowed('app', HERE)).toBe(false)
  })

  it('remembers 100 addresses of a client, the longest unused goes first, and no other client loses one', () => {
    const tested = setUp({ maxFailures: 1 })
    tested.limiter.countSuccess('app', HERE)
    for (let index = 0; index < 20_000; index += 1) {
      tested.limiter.countSuccess('another', `10.9.${index >> 8}.${index & 255}`)
    }
    failEverywhere(tested, 100)
    failEverywhere(tested, 100, 'another')
    expect(tested.isAllowed('app', HERE)).toBe(true)
    expect(tested.isAllowed('another', '10.9.78.31')).toBe(true)
    expect(tested.isAllowed('another', '10.9.77.187')).toBe(false)
  })

  it('keeps 10 000 addresses of all clients, and forgets those of the longest unused client first', () => {
    const tested = setUp({ maxFailures: 1 })
    for (let client = 0; client <= 100; client += 1) {
      for (let index = 0; index < 100; index += 1) tested.limiter.countSuccess(`client ${client}`, `10.9.0.${index}`)
    }
    for (const [client, isKnown] of [
      [0, false],
      [1, true],
      [100, true],
    ] as const) {
      failEverywhere(tested, 100, `client ${client}`)
      expect([client, tested.isAllowed(`client ${client}`, '10.9.0.99')]).toEqual([client, isKnown])
    }
  })

  it('is not flushed by made-up client ids, nor by made-up addresses', () => {
    const tested = setUp({ maxFailures: 1, failureWindow: 86_400 })
    failEverywhere(tested, 100)
    for (let count = 0; count < 12_000; count += 1) {
      tested.limiter.countFailure(`made-up-${count}`, `2001:db8:${count.toString(16)}::1`, false)
    }
    expect(tested.isAllowed('app', HERE)).toBe(false)
  })
})

describe('an address', () => {
  it('is the whole /64 of IPv6, and an IPv4 address in every spelling', () => {
    const { limiter, isAllowed } = setUp({ maxFailures: 3, failureWindow: 600 })
    for (const address of ['2001:db8::1', '2001:db8:0:0:ffff::2', '2001:DB8::3'])
      limiter.countFailure('a', address, true)
    for (const address of [HERE, `::ffff:${HERE}`, `${HERE}:4711`]) limiter.countFailure('a', address, true)
    expect([isAllowed('a', '2001:db8::4'), isAllowed('a', '2001:db8:0:1::1')]).toEqual([false, true])
    expect([isAllowed('a', HERE), isAllowed('a', `::FFFF:${HERE}`), isAllowed('a', '192.0.2.2')]).toEqual([
      false,
      false,
      true,
    ])
  })
})

describe('what an event tells of a refused attempt', () => {
  it('is the id of a client, and never an id that no client has', () => {
    const { limiter } = setUp({ maxFailures: 1 })
    limiter.countFailure('app', HERE, true)
    limiter.countFailure('a-secret-in-the-wrong-place', HERE, false)
    expect(limiter.describe('app', HERE)).toEqual({ clientId: 'app' })
    expect(limiter.describe('a-secret-in-the-wrong-place', HERE)).toEqual({})
  })

  it('says that it is for failures elsewhere', () => {
    const { limiter } = setUp({ maxFailures: 1 })
    for (let count = 0; count < 100; count += 1) limiter.countFailure('app', `10.0.0.${count}`, true)
    expect(limiter.describe('app', HERE).message).toContain('from all addresses together')
  })
})

describe('rejected assertions that were counted after others had used the allowance up, as in a burst', () => {
  const settings = { maxFailures: 10, failureWindow: 100 }

  function reject(times: number) {
    const limiter = new FailureLimiter(settings, new AdjustableClock())
    for (let count = 0; count < times; count += 1) limiter.countRejectedAssertion(HERE)
    return () => limiter.checkAddress(HERE)
  }
  const tooMany = (seconds: string) => expect.objectContaining({ status: 429, headers: { 'Retry-After': seconds } })

  it('are owed, so that a burst does not come again with each attempt that refills', () => {
    expect(reject(9)).not.toThrow()
    expect(reject(10)).toThrow(tooMany('10'))
    expect(reject(15)).toThrow(tooMany('60'))
  })

  it('are owed up to the whole allowance only, so that nobody is locked out for long', () => {
    expect(reject(1000)).toThrow(tooMany('110'))
  })
})
