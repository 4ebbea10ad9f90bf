import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { DependencyUnavailable, isDependencyUnavailable } from '../../../src/errors/rejections.js'
import { ReplayProtection } from '../../../src/replay/replay-protection.js'
import type { ReplayStore } from '../../../src/replay/replay-store.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

/** Milliseconds. */
const TIMEOUT = 1000
const EXPIRES_AT = 1_800_000_300

/** A claim that the store was asked for, to be answered by the test. */
interface Call {
  key: string
  answer(value: unknown): void
  fail(error: unknown): void
}

/** A claim of the caller: what it came to, `undefined` while it waits. */
interface Asked {
  outcome?: unknown
  error?: unknown
}

let timers: AdjustableTimers
let risks: unknown[]
let fillings: unknown[]

beforeEach(() => {
  timers = new AdjustableTimers(new AdjustableClock())
  risks = []
  fillings = []
})

/** Jest fails a test that leaves a rejection unhandled, when it is told in time. */
afterEach(() => settle())

function protect(store: object, reportRisk = (risk: unknown) => void risks.push(risk)): ReplayProtection {
  const reportFilling = (filling: unknown) => void fillings.push(filling)
  return new ReplayProtection({ store: store as ReplayStore, timeout: TIMEOUT, timers, reportRisk, reportFilling })
}

/** A store that answers what it is told to. */
function answering(answer: (...claim: unknown[]) => unknown, more: object = {}): object {
  return { markUsed: answer, ...more }
}

/** A store whose claims wait until the test answers them, and the protection before it. */
function withWaitingStore(more: object = {}) {
  const calls: Call[] = []
  const claim = (key: string) =>
    new Promise((resolve, reject) => {
      calls.push({ key, answer: resolve, fail: reject })
    })
  const protection = protect({ markUsed: claim, ...more })
  const ask = (key = `key ${calls.length}`) => watch(protection.markUsed(key, EXPIRES_AT))
  const call = (index: number): Call => {
    const found = calls[index]
    if (found === undefined) throw new Error(`the store was not asked ${index + 1} times`)
    return found
  }
  return { calls, call, ask, protection }
}

/** A store that has kept one claim waiting for too long. */
async function withOverdueStore(more: object = {}) {
  const parts = withWaitingStore(more)
  const overdue = parts.ask()
  await timers.advance(TIMEOUT / 1000)
  expect(overdue.outcome).toBe('replay_store_unavailable')
  return parts
}

function watch(claim: Promise<boolean>): Asked {
  const asked: Asked = {}
  claim.then(
    (isFirst) => {
      asked.outcome = isFirst
    },
    (error) => {
      asked.outcome = isDependencyUnavailable(error) ? error.reason : error
      asked.error = error
    },
  )
  return asked
}

/** What a claim is refused with. */
async function refusalOf(claim: Promise<boolean>): Promise<DependencyUnavailable> {
  const error: unknown = await claim.then(
    (isFirst) => isFirst,
    (reason) => reason,
  )
  if (!isDependencyUnavailable(error)) throw new Error(`not refused: ${error}`)
  return error
}

/** Lets everything happen that does not wait for time. */
function settle(): Promise<void> {
  return timers.advance(0)
}

describe('a store that is written with less care', () => {
  it.each<[string, object]>([
    ['that is no number', { retryAfter: Number.NaN }],
    ['that would be a header of its own', { retryAfter: '1\r\nX-Injected: 1' }],
    ['that is infinite', { retryAfter: Number.POSITIVE_INFINITY }],
    ['that cannot be a text', { retryAfter: { toString: () => Symbol('x') } }],
    ['that is absent', {}],
  ])('that is full, with a time to retry after %s, is unavailable', async (_, more) => {
    const store = answering(() => {
      throw { name: 'DependencyUnavailable', reason: 'replay_store_full', ...more }
    })
    const refusal = await refusalOf(protect(store).markUsed('a key', EXPIRES_AT))
    expect([refusal.reason, refusal.retryAfter]).toEqual(['replay_store_unavailable', 1])
  })

  it.each(['expired', { a: 1 }, undefined, 'jwks_unavailable'])(
    'that fails for the reason %p is unavailable',
    async (reason) => {
      const store = answering(() => {
        throw { name: 'DependencyUnavailable', reason, retryAfter: '1\r\nX-Injected: 1' }
      })
      const refusal = await refusalOf(protect(store).markUsed('a key', EXPIRES_AT))
      expect([refusal.reason, refusal.retryAfter]).toEqual(['replay_store_unavailable', 1])
    },
  )

  it.each<[string, () => unknown]>([
    ['a promise that rejects', () => Promise.reject(new Error('no fill level'))],
    ['a promise', () => Promise.resolve(0.9)],
    ['a text', () => '0.9'],
    ['a bigint', () => 1n],
    ['a symbol', () => Symbol('0.9')],
  ])('that gives as its fill level %s accepts the assertion, and reports nothing', async (_, fillLevel) => {
    const store = answering(() => true, { fillLevel })
    expect(await protect(store).markUsed('a key', EXPIRES_AT, 'https://idp')).toBe(true)
    await settle()
    expect(fillings).toEqual([])
  })

  it('has its risk reported in one line', async () => {
    await protect(answering(() => true, { findRisk: async () => 'a risk\n\u001b[31m' })).markUsed('a key', EXPIRES_AT)
    await settle()
    expect(risks).toEqual(['a risk\\u000a\\u001b[31m'])
  })
})

describe('marking an assertion used', () => {
  it('passes the key and its expiry to the store, as a method call', async () => {
    const store = {
      seen: [] as unknown[],
      markUsed(...claim: unknown[]) {
        this.seen.push(claim)
        return true
      },
    }
    await protect(store).markUsed('a key', EXPIRES_AT)
    expect(store.seen).toEqual([['a key', EXPIRES_AT]])
  })

  it('passes the identity provider, if it has a share', async () => {
    const seen: unknown[] = []
    await protect(answering((...claim: unknown[]) => seen.push(claim) > 0)).markUsed('a key', EXPIRES_AT, 'https://idp')
    expect(seen).toEqual([['a key', EXPIRES_AT, 'https://idp']])
  })

  it.each([true, false])('is %p at once if the store says so at once', async (answer) => {
    const asked = watch(protect(answering(() => answer)).markUsed('a', EXPIRES_AT))
    expect(timers.pending).toBe(0)
    await settle()
    expect(asked.outcome).toBe(answer)
  })

  it.each([true, false])('is %p if the store says so later', async (answer) => {
    const { ask, call } = withWaitingStore()
    const asked = ask()
    await timers.advance(0.9)
    expect([asked.outcome, timers.pending]).toEqual([undefined, 1])
    call(0).answer(answer)
    await settle()
    expect([asked.outcome, timers.pending]).toEqual([answer, 0])
  })

  it.each([true, false])('is %p if a thenable of any library says so', async (answer) => {
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: what is tested
      then: (resolve: (value: unknown) => void) => resolve(answer),
    }
    expect(await protect(answering(() => thenable)).markUsed('a', EXPIRES_AT)).toBe(answer)
    expect(timers.pending).toBe(0)
  })

  it.each<unknown>([undefined, null, 1, 'true', 'OK', {}, [true], new Boolean(true), 1n])(
    'is true for true only, not for %p',
    async (answer) => {
      expect(await protect(answering(() => answer)).markUsed('a', EXPIRES_AT)).toBe(false)
      expect(await protect(answering(async () => answer)).markUsed('a', EXPIRES_AT)).toBe(false)
      expect(timers.pending).toBe(0)
    },
  )

  it.each<[string, (cause: unknown) => unknown]>([
    [
      'throws',
      (cause) => {
        throw cause
      },
    ],
    ['rejects', (cause) => Promise.reject(cause)],
    [
      'answers with a thenable that throws',
      (cause) => ({
        // biome-ignore lint/suspicious/noThenProperty: what is tested
        then: () => {
          throw cause
        },
      }),
    ],
  ])('is refused with the cause if the store %s', async (_, fail) => {
    for (const cause of [new Error('the disk is on fire'), 'text', undefined, null, { reason: 'replayed' }]) {
      const refusal = await refusalOf(protect(answering(() => fail(cause))).markUsed('a', EXPIRES_AT))
      expect(refusal).toMatchObject({ reason: 'replay_store_unavailable', retryAfter: 1 })
      expect(refusal.cause).toBe(cause)
      expect(timers.pending).toBe(0)
    }
  })

  it('is refused with the error of the store if that is a DependencyUnavailable for a full store', async () => {
    const full = new DependencyUnavailable('replay_store_full', { retryAfter: 30 })
    const throwing = () => {
      throw full
    }
    for (const fail of [throwing, async () => throwing()]) {
      expect(await refusalOf(protect(answering(fail)).markUsed('a', EXPIRES_AT))).toBe(full)
    }
  })

  it('is refused with an error of another copy of the package as well', async () => {
    const fields = { name: 'DependencyUnavailable', reason: 'replay_store_full', retryAfter: 30 }
    const full = Object.assign(new Error('full'), fields)
    expect(await refusalOf(protect(answering(() => Promise.reject(full))).markUsed('a', EXPIRES_AT))).toBe(full)
  })
})

describe('a call without an answer', () => {
  it('is refused after the timeout', async () => {
    const { ask } = withWaitingStore()
    const asked = ask()
    await timers.advance(0.999)
    expect(asked.outcome).toBeUndefined()
    await timers.advance(0.001)
    expect(asked).toMatchObject({
      outcome: 'replay_store_unavailable',
      error: { cause: new Error('the replay store did not answer within 1000 ms'), retryAfter: 1 },
    })
    expect(timers.pending).toBe(0)
  })

  it('is refused alone: calls that had begun may still be answered', async () => {
    const { ask, call } = withWaitingStore()
    ask()
    await timers.advance(0.5)
    const later = ask()
    await timers.advance(0.5)
    expect(later.outcome).toBeUndefined()
    call(1).answer(true)
    await settle()
    expect(later.outcome).toBe(true)
  })

  it.each(['a', undefined, new DependencyUnavailable('replay_store_full')])(
    'may reject later, with %p, and nothing is left unhandled',
    async (reason) => {
      const { call } = await withOverdueStore()
      call(0).fail(reason)
      await timers.advance(10)
    },
  )

  it('stays refused, for any late answer', async () => {
    const { ask, call } = withWaitingStore()
    const asked = ask()
    await timers.advance(1)
    call(0).answer(true)
    await settle()
    expect(asked.outcome).toBe('replay_store_unavailable')
  })

  it('leaves no timer behind, for any number of calls', async () => {
    const { ask, call, calls } = withWaitingStore()
    const asked = Array.from({ length: 100 }, () => ask())
    for (const index of calls.keys()) if (index % 3 === 0) call(index).answer(true)
    for (const index of calls.keys()) if (index % 3 === 1) call(index).fail(new Error('no'))
    await settle()
    expect(timers.pending).toBe(33)
    await timers.advance(1)
    expect([timers.pending, asked.filter(({ outcome }) => outcome === undefined)]).toEqual([0, []])
  })
})

describe('while a call is overdue', () => {
  it('one call at a time reaches the store, and the others are refused without waiting', async () => {
    const { ask, calls } = await withOverdueStore()
    const probe = ask()
    const others = Array.from({ length: 50 }, () => ask())
    await settle()
    expect(calls).toHaveLength(2)
    expect(probe.outcome).toBeUndefined()
    for (const other of others) {
      expect(other).toMatchObject({
        outcome: 'replay_store_unavailable',
        error: { cause: new Error('the replay store has not answered earlier calls'), retryAfter: 1 },
      })
    }
    expect(timers.pending).toBe(1)
  })

  it('the first answer lets everything through again', async () => {
    const { ask, call, calls } = await withOverdueStore()
    const probe = ask()
    call(1).answer(false)
    await settle()
    expect(probe.outcome).toBe(false)
    const asked = Array.from({ length: 50 }, () => ask())
    expect(calls).toHaveLength(52)
    for (let index = 2; index < 52; index += 1) call(index).answer(true)
    await settle()
    expect(asked.map(({ outcome }) => outcome)).toEqual(Array(50).fill(true))
  })

  it('the late answer to an earlier call does so as well', async () => {
    const { ask, call, calls } = await withOverdueStore()
    call(0).answer(true)
    await settle()
    ask()
    ask()
    expect(calls).toHaveLength(3)
  })

  it('the late answer lets everything through while the probe still waits', async () => {
    const { ask, call, calls } = await withOverdueStore()
    const probe = ask()
    call(0).answer(false)
    await settle()
    const asked = [ask(), ask()]
    expect(calls).toHaveLength(4)
    for (const index of [1, 2, 3]) call(index).answer(true)
    await settle()
    expect([probe, ...asked].map(({ outcome }) => outcome)).toEqual([true, true, true])
  })

  it('a late failure does not', async () => {
    const { ask, call, calls } = await withOverdueStore()
    call(0).fail(new Error('the connection is lost'))
    await settle()
    ask()
    ask()
    expect(calls).toHaveLength(2)
  })

  it('a probe that fails makes room for the next', async () => {
    const { ask, call, calls } = await withOverdueStore()
    for (let index = 1; index <= 5; index += 1) {
      const probe = ask()
      const other = ask()
      call(index).fail(new Error('nobody listens there'))
      await settle()
      expect(probe).toMatchObject({
        outcome: 'replay_store_unavailable',
        error: { cause: new Error('nobody listens there') },
      })
      expect(other.outcome).toBe('replay_store_unavailable')
    }
    expect(calls).toHaveLength(6)
  })

  it('a probe that fails before it returns makes room for the next', async () => {
    let fail = () => {}
    let calls = 0
    const protection = protect(
      answering(() => {
        calls += 1
        fail()
        return new Promise(() => {})
      }),
    )
    watch(protection.markUsed('a', EXPIRES_AT))
    await timers.advance(1)
    fail = () => {
      throw new Error('not connected')
    }
    for (let index = 0; index < 3; index += 1) {
      expect((await refusalOf(protection.markUsed('a', EXPIRES_AT))).cause).toEqual(new Error('not connected'))
    }
    expect(calls).toBe(4)
  })

  it('a store that does not answer is called again and again, and works again after its first answer', async () => {
    const { ask, call, calls } = await withOverdueStore()
    for (let seconds = 0; seconds < 100; seconds += 1) {
      const asked = [ask(), ask()]
      await timers.advance(1)
      expect(asked.map(({ outcome }) => outcome)).toEqual(Array(2).fill('replay_store_unavailable'))
    }
    expect(calls).toHaveLength(101)
    const probe = ask()
    call(101).answer(true)
    await settle()
    expect(probe.outcome).toBe(true)
    const asked = [ask(), ask()]
    call(102).answer(true)
    call(103).answer(true)
    await settle()
    expect(asked.map(({ outcome }) => outcome)).toEqual([true, true])
  })

  it('a store that answers at once now is not kept waiting', async () => {
    let answer: unknown = new Promise(() => {})
    const protection = protect(answering(() => answer))
    watch(protection.markUsed('a', EXPIRES_AT))
    await timers.advance(1)
    answer = true
    for (let index = 0; index < 3; index += 1) expect(await protection.markUsed('a', EXPIRES_AT)).toBe(true)
  })
})

describe('the risk of a store', () => {
  it('is read once, after the first answer, and reported once', async () => {
    let asked = 0
    const findRisk = async () => {
      asked += 1
      return 'it may forget'
    }
    const { ask, call } = withWaitingStore({ findRisk })
    ask()
    await settle()
    expect([asked, risks]).toStrictEqual([0, []])
    call(0).answer(true)
    await settle()
    expect([asked, risks]).toStrictEqual([1, ['it may forget']])
    for (let index = 1; index < 5; index += 1) {
      ask()
      call(index).answer(index % 2 === 0)
      await settle()
    }
    expect([asked, risks]).toStrictEqual([1, ['it may forget']])
  })

  it('is read once if many calls are answered at the same time', async () => {
    let asked = 0
    const findRisk = async () => {
      asked += 1
      return undefined
    }
    const { ask, call } = withWaitingStore({ findRisk })
    for (let index = 0; index < 20; index += 1) ask()
    for (let index = 0; index < 20; index += 1) call(index).answer(true)
    await settle()
    expect(asked).toBe(1)
  })

  it('is read by a method call of the store', async () => {
    const store = {
      risk: 'it may forget',
      markUsed: async () => true,
      async findRisk() {
        return this.risk
      },
    }
    await protect(store).markUsed('a', EXPIRES_AT)
    await settle()
    expect(risks).toEqual(['it may forget'])
  })

  it('is not read while every call fails', async () => {
    let asked = 0
    const findRisk = async () => {
      asked += 1
    }
    const { ask, call } = withWaitingStore({ findRisk })
    ask()
    call(0).fail(new Error('no'))
    ask()
    await timers.advance(1)
    expect(asked).toBe(0)
    call(1).answer(true)
    await settle()
    expect(asked).toBe(1)
  })

  it('is not reported if there is none', async () => {
    const { ask, call } = withWaitingStore({ findRisk: async () => undefined })
    ask()
    call(0).answer(true)
    await settle()
    expect(risks).toHaveLength(0)
  })

  it.each<[string, unknown]>([
    ['rejects', () => Promise.reject(new Error('NOPERM'))],
    ['never answers', () => new Promise(() => {})],
    ['is no function', 'noeviction'],
    [
      'throws',
      () => {
        throw new Error('NOPERM')
      },
    ],
  ])('affects no assertion if findRisk %s', async (_, findRisk) => {
    const { ask, call } = withWaitingStore({ findRisk })
    for (let index = 0; index < 3; index += 1) {
      const asked = ask()
      call(index).answer(true)
      await settle()
      expect([asked.outcome, timers.pending]).toEqual([true, 0])
    }
    await timers.advance(10)
    expect(risks).toHaveLength(0)
  })

  it('affects no assertion if it cannot be reported', async () => {
    const reportRisk = () => {
      throw new Error('no log')
    }
    const protection = protect({ markUsed: async () => true, findRisk: async () => 'it may forget' }, reportRisk)
    expect(await protection.markUsed('a', EXPIRES_AT)).toBe(true)
    await settle()
    expect(await protection.markUsed('b', EXPIRES_AT)).toBe(true)
  })

  it('is read from a store that answers at once as well', async () => {
    await protect({ markUsed: () => true, findRisk: async () => 'it may forget' }).markUsed('a', EXPIRES_AT)
    await settle()
    expect(risks).toEqual(['it may forget'])
  })

  it('is not reported if the store answers null', async () => {
    await protect({ markUsed: async () => true, findRisk: async () => null }).markUsed('a', EXPIRES_AT)
    await settle()
    expect(risks).toHaveLength(0)
  })
})

/** What happens to the protection: claims, answers and failures of the store, and time. */
type Happening =
  | { kind: 'claims'; count: number }
  | { kind: 'answer'; which: number; value: unknown }
  | { kind: 'failure'; which: number }
  | { kind: 'time'; milliseconds: number }

/** A claim as the model sees it. */
interface ModelClaim {
  startedAt: number
  isProbe: boolean
  expected: unknown
  /** Which call of the store it is, undefined where it never reached it. */
  call?: number
  asked: Asked
}

/** What the protection should do, in a few lines. */
class Model {
  readonly claims: ModelClaim[] = []
  /** Calls that the store has neither answered nor failed. */
  readonly open: ModelClaim[] = []
  time = 0
  isOverdue = false

  get waiting(): ModelClaim[] {
    return this.claims.filter(({ expected }) => expected === undefined)
  }

  get probes(): ModelClaim[] {
    return this.waiting.filter(({ isProbe }) => isProbe)
  }

  get calls(): number {
    return this.claims.filter(({ call }) => call !== undefined).length
  }

  markUsed(asked: Asked): void {
    const startedAt = this.time
    if (this.isOverdue && this.probes.length > 0) {
      this.claims.push({ startedAt, isProbe: false, expected: 'replay_store_unavailable', asked })
      return
    }
    const claim = { startedAt, isProbe: this.isOverdue, expected: undefined, call: this.calls, asked }
    this.claims.push(claim)
    this.open.push(claim)
  }

  answer(claim: ModelClaim, value: unknown): void {
    this.isOverdue = false
    claim.expected ??= value === true
  }

  fail(claim: ModelClaim): void {
    claim.expected ??= 'replay_store_unavailable'
  }

  pass(milliseconds: number): void {
    this.time += milliseconds
    for (const claim of this.waiting.filter(({ startedAt }) => startedAt + TIMEOUT <= this.time)) {
      claim.expected = 'replay_store_unavailable'
      this.isOverdue = true
    }
  }
}

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claims'), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('answer'),
      which: fc.nat(),
      value: fc.constantFrom<unknown>(true, false, undefined, 1),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('failure'), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('time'),
      milliseconds: fc.constantFrom(1, 100, 499, 500, 999, 1000, 2500),
    }),
  },
) as fc.Arbitrary<Happening>

describe('any sequence of calls', () => {
  it('has the outcome of the model: one probe at a time, and no call waits longer than the timeout', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (happenings) => {
        timers = new AdjustableTimers(new AdjustableClock())
        const { ask, call, calls } = withWaitingStore()
        const model = new Model()
        for (const each of happenings) {
          await perform(each, model, ask, call)
          await settle()
          expect(calls).toHaveLength(model.calls)
          expect(model.claims.map(({ asked }) => asked.outcome)).toStrictEqual(
            model.claims.map(({ expected }) => expected),
          )
          expect(model.probes.length).toBeLessThanOrEqual(1)
          expect(model.waiting.every(({ startedAt }) => model.time - startedAt < TIMEOUT)).toBe(true)
          expect(timers.pending).toBe(model.waiting.length)
        }
      }),
      { numRuns: 300 },
    )
  })
})

async function perform(each: Happening, model: Model, ask: () => Asked, call: (index: number) => Call): Promise<void> {
  if (each.kind === 'claims') {
    for (let count = 0; count < each.count; count += 1) model.markUsed(ask())
    return
  }
  if (each.kind === 'time') {
    await timers.advance(each.milliseconds / 1000)
    model.pass(each.milliseconds)
    return
  }
  const [claim] = model.open.splice(each.which % model.open.length, 1)
  if (claim?.call === undefined) return
  if (each.kind === 'answer') {
    call(claim.call).answer(each.value)
    model.answer(claim, each.value)
  } else {
    call(claim.call).fail(new Error('failed'))
    model.fail(claim)
  }
}

describe('a store that fills', () => {
  const levels = new Map<string | undefined, unknown>()
  const filling = (answer: () => unknown = () => true) =>
    protect(answering(answer, { fillLevel: (name?: string) => levels.get(name) }))
  const claimAt = async (protection: ReplayProtection, level: unknown, ofShare: unknown = 0) => {
    levels.set(undefined, level).set('https://idp', ofShare)
    return await protection.markUsed('a', EXPIRES_AT, 'https://idp')
  }

  it('is reported once at 80 %, and again only after it was below 70 %', async () => {
    const protection = filling()
    for (const level of [0, 0.79, 0.8, 0.9, 1, 0.7, 0.85, 0.69, 0.79, 0.8001, 0.9]) {
      expect(await claimAt(protection, level)).toBe(true)
    }
    expect(fillings).toEqual([{ fillLevel: 0.8 }, { fillLevel: 0.8 }])
  })

  it('is reported for each share separately', async () => {
    const protection = filling()
    await claimAt(protection, 0.5, 0.999)
    await claimAt(protection, 0.95, 1)
    expect(fillings).toEqual([{ fillLevel: 0.99, identityProvider: 'https://idp' }, { fillLevel: 0.95 }])
  })

  it('is reported after asynchronous answers as well, and not after a refused call', async () => {
    await claimAt(
      filling(async () => true),
      0.9,
    )
    await claimAt(
      filling(() => false),
      0.9,
    )
    expect(fillings).toEqual([{ fillLevel: 0.9 }])
  })

  it.each<unknown>([undefined, null, Number.NaN, 'full', {}, Promise.resolve(1)])(
    'affects no assertion if it is %p',
    async (level) => {
      expect(await claimAt(filling(), level)).toBe(true)
      expect(fillings).toEqual([])
    },
  )

  it('affects no assertion if it throws', async () => {
    const fillLevel = () => {
      throw new Error('no level')
    }
    expect(await protect(answering(() => true, { fillLevel })).markUsed('a', EXPIRES_AT)).toBe(true)
  })
})
