import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isDependencyUnavailable } from '../../../src/errors/rejections.js'
import { ExchangeEventEmitter } from '../../../src/events/exchange-events.js'
import { HostFunctions } from '../../../src/host-functions/host-functions.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

const TIMEOUT = 1000
const TIMED_OUT = 'host_function_timed_out'
const LIMIT_REACHED = 'host_function_limit_reached'

let timers: AdjustableTimers
let events: unknown[]
beforeEach(() => {
  timers = new AdjustableTimers(new AdjustableClock())
  events = []
})
/** Jest fails a test that leaves a rejection unhandled, when it is told in time. */
afterEach(() => timers.advance(0))

/** A call of the host's function, to be answered by the test. */
interface Call {
  signal: AbortSignal
  answer(value: string): void
  fail(error: unknown): void
}

function setUp(maxConcurrent = 1000) {
  const emitter = new ExchangeEventEmitter()
  for (const name of ['host_function.timed_out', 'host_function.limit_reached'] as const) {
    emitter.on(name, (event) => events.push({ name, ...event }))
  }
  return new HostFunctions({ timeout: TIMEOUT, maxConcurrent }, { timers, events: emitter })
}

/** A function whose calls wait until the test answers them. */
function withWaiting(maxConcurrent?: number) {
  const calls: Call[] = []
  const bound = setUp(maxConcurrent).limit({ function: 'findClient' }, (_id: string, signal: AbortSignal) => {
    return new Promise<string>((resolve, reject) => {
      calls.push({ signal, answer: resolve, fail: reject })
    })
  })
  const call = (index: number): Call => calls[index] ?? fail(`it was not called ${index + 1} times`)
  return { calls, call, ask: () => watch(() => bound('app')) }
}

function fail(message: string): never {
  throw new Error(message)
}

/** What became of a call; undefined while it waits. */
interface Asked {
  outcome?: unknown
}

function watch(act: () => unknown): Asked {
  const asked: Asked = {}
  const note = (error: unknown) => {
    asked.outcome = isDependencyUnavailable(error) ? error.reason : error
  }
  try {
    Promise.resolve(act()).then((value) => {
      asked.outcome = value
    }, note)
  } catch (error) {
    note(error)
  }
  return asked
}

describe('a function that answers at once', () => {
  it('gets its arguments and a signal, and its answer is returned as it is', () => {
    const given: unknown[] = []
    const answer = { clientId: 'app' }
    const bound = setUp().limit({ function: 'findClient' }, (...args: [string, AbortSignal]) => {
      given.push(...args)
      return answer
    })
    expect(bound('app')).toBe(answer)
    expect(given).toEqual(['app', expect.any(AbortSignal)])
  })

  it.each<unknown>([undefined, null, true, '', 0, {}, [], Object.fromEntries([['then', true]]), () => 'x'])(
    'needs no timer and does not count, for any result: %p',
    (answer) => {
      const bound = setUp(1).limit({ function: 'subject' }, () => answer)
      for (let count = 0; count < 5; count += 1) expect(bound()).toBe(answer)
      expect(timers.pending).toBe(0)
    },
  )

  it('gets a signal that an earlier call has not used, and no other old one', async () => {
    const signals: AbortSignal[] = []
    const acts: ((signal: AbortSignal) => unknown)[] = [
      () => 'unused',
      (signal) => signal.addEventListener('abort', () => {}),
      () => 'unused',
      () => new Promise(() => {}),
      () => 'after one that hangs',
    ]
    const bound = setUp().limit({ function: 'check' }, (signal: AbortSignal) => {
      signals.push(signal)
      return acts[signals.length - 1]?.(signal)
    })
    const asked = acts.map(() => watch(() => bound()))
    await timers.advance(1)
    const [first, second, third, hanging, last] = signals
    expect([second === first, third === first, hanging === third, last === hanging]).toEqual([true, false, true, false])
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, true, true, false])
    expect(asked[3]?.outcome).toBe(TIMED_OUT)
  })

  it('may throw, and the call throws the same', () => {
    const error = new Error('its own')
    const bound = setUp().limit({ function: 'check' }, () => {
      throw error
    })
    expect(() => bound()).toThrow(error)
  })
})

describe('a function that answers later', () => {
  it('gives its answer, and leaves no timer behind', async () => {
    const { ask, call } = withWaiting()
    const asked = ask()
    await timers.advance(0.999)
    expect([asked.outcome, timers.pending]).toEqual([undefined, 1])
    call(0).answer('app')
    await timers.advance(0)
    expect([asked.outcome, timers.pending, call(0).signal.aborted, events]).toEqual(['app', 0, false, []])
  })

  it('may reject, and the call rejects with the same', async () => {
    const { ask, call } = withWaiting()
    const asked = ask()
    const error = new Error('its own')
    call(0).fail(error)
    await timers.advance(0)
    expect([asked.outcome, timers.pending]).toEqual([error, 0])
  })

  it('may give a thenable of any library', async () => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: what is tested
      then: (resolve: (value: string) => void) => void setImmediate(() => resolve('app')),
    } as unknown as PromiseLike<string>
    expect(await setUp().limit({ function: 'check' }, () => thenable)()).toBe('app')
    expect(timers.pending).toBe(0)
  })

  it('is given up at its deadline: its signal is aborted, and its name is reported', async () => {
    const { ask, call } = withWaiting()
    const asked = ask()
    await timers.advance(1)
    expect([asked.outcome, timers.pending]).toEqual([TIMED_OUT, 0])
    expect(call(0).signal.aborted).toBe(true)
    expect(call(0).signal.reason).toMatchObject({ name: 'TimeoutError' })
    expect(events).toEqual([{ name: 'host_function.timed_out', function: 'findClient', timeoutMs: 1000 }])
  })

  it('is reported with the identity provider and the claim that it handles', async () => {
    const call = { function: 'claimsToToken', identityProvider: 'https://idp', claim: 'roles\n' } as const
    const error: unknown = await settled(setUp().limit(call, () => new Promise(() => {}))())
    expect(error).toMatchObject({
      reason: TIMED_OUT,
      retryAfter: 1,
      context: { message: 'claimsToToken.roles\\u000a did not answer within 1000 ms' },
    })
    expect(events).toEqual([{ name: 'host_function.timed_out', ...call, timeoutMs: 1000 }])
  })

  async function settled(promise: unknown): Promise<unknown> {
    const outcome = Promise.resolve(promise).catch((error: unknown) => error)
    await timers.advance(1)
    return await outcome
  }

  it.each<[string, (call: Call) => void]>([
    ['answers', (call) => call.answer('late')],
    ['rejects', (call) => call.fail(new Error('late'))],
    ['rejects because it was aborted', (call) => call.fail(call.signal.reason)],
  ])('has no effect when it %s after its deadline', async (_, act) => {
    const { ask, call } = withWaiting()
    const asked = ask()
    await timers.advance(1)
    act(call(0))
    await timers.advance(10)
    expect([asked.outcome, events.length]).toEqual([TIMED_OUT, 1])
  })
})

describe('calls at the same time', () => {
  it('are refused at once beyond the limit, and reported once', async () => {
    const { ask, calls } = withWaiting(3)
    const asked = Array.from({ length: 10 }, ask)
    await timers.advance(0)
    expect(asked.map(({ outcome }) => outcome)).toEqual([...Array(3).fill(undefined), ...Array(7).fill(LIMIT_REACHED)])
    expect(calls).toHaveLength(3)
    expect(events).toEqual([{ name: 'host_function.limit_reached', function: 'findClient', maxConcurrent: 3 }])
  })

  it('make room when one ends, and are reported again after half of them have ended', async () => {
    const { ask, call } = withWaiting(4)
    for (let count = 0; count < 5; count += 1) ask()
    call(0).answer('app')
    await timers.advance(0)
    ask()
    ask()
    expect(events).toHaveLength(1)
    for (const index of [1, 2]) call(index).answer('app')
    await timers.advance(0)
    for (let count = 0; count < 3; count += 1) ask()
    expect(events).toHaveLength(2)
  })

  it('of another function are not counted', async () => {
    const hostFunctions = setUp(1)
    const hang = () => new Promise<true>(() => {})
    const [findClient, check] = [
      hostFunctions.limit({ function: 'findClient' }, hang),
      hostFunctions.limit({ function: 'check' }, hang),
    ]
    const asked = [watch(() => findClient()), watch(() => check()), watch(() => findClient())]
    await timers.advance(0)
    expect(asked.map(({ outcome }) => outcome)).toEqual([undefined, undefined, LIMIT_REACHED])
  })

  it('that hang count until they end', async () => {
    const { ask, call } = withWaiting(2)
    ask()
    ask()
    await timers.advance(1)
    call(0).fail(new Error('late'))
    await timers.advance(0)
    const asked = [ask(), ask(), ask()]
    await timers.advance(0)
    // One for the room of the call that has ended, and one to try whether the function answers again.
    expect(asked.map(({ outcome }) => outcome)).toEqual([undefined, undefined, LIMIT_REACHED])
  })

  it('that hang for ever let one call at a time through, and all of them after one has answered', async () => {
    const { ask, calls, call } = withWaiting(2)
    ask()
    ask()
    await timers.advance(1)
    for (let second = 0; second < 5; second += 1) {
      const [probe, other] = [ask(), ask()]
      await timers.advance(0)
      expect([probe.outcome, other.outcome]).toEqual([undefined, LIMIT_REACHED])
      await timers.advance(1)
      expect(probe.outcome).toBe(TIMED_OUT)
    }
    expect(calls).toHaveLength(7)
    const probe = ask()
    call(7).answer('app')
    await timers.advance(0)
    expect(probe.outcome).toBe('app')
    const asked = [ask(), ask(), ask()]
    await timers.advance(0)
    expect(asked.map(({ outcome }) => outcome)).toEqual([undefined, undefined, LIMIT_REACHED])
    for (const index of [0, 1, 2, 3]) call(index).answer('very late')
    await timers.advance(0)
    expect(ask().outcome).toBe(LIMIT_REACHED)
    for (const index of [8, 9]) call(index).answer('app')
    await timers.advance(0)
    const after = [ask(), ask(), ask()]
    expect(after.map(({ outcome }) => outcome)).toEqual([undefined, undefined, LIMIT_REACHED])
  })

  it('always have the full limit again once all have ended', async () => {
    const step = fc.oneof(
      fc.constant('ask' as const),
      fc.record({ settle: fc.nat({ max: 30 }) }),
      fc.record({ wait: fc.integer({ min: 1, max: 1500 }) }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, maxConcurrent) => {
          timers = new AdjustableTimers(new AdjustableClock())
          const { ask, calls } = withWaiting(maxConcurrent)
          for (const each of steps) {
            if (each === 'ask') ask()
            else if ('settle' in each) calls[each.settle]?.answer('app')
            else await timers.advance(each.wait / 1000)
          }
          for (const one of calls) one.answer('app')
          await timers.advance(2)
          const after = Array.from({ length: maxConcurrent + 1 }, ask)
          await timers.advance(0)
          expect(after.map(({ outcome }) => outcome)).toEqual([...Array(maxConcurrent).fill(undefined), LIMIT_REACHED])
        },
      ),
      { numRuns: 150 },
    )
  }, 30_000)
})
