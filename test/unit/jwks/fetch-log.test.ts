import { beforeEach, describe, expect, it } from '@jest/globals'
import { currentMoment } from '../../../src/clock/clock.js'
import { JwksFetchError } from '../../../src/guarded-fetch/fetch-error.js'
import { FetchLog } from '../../../src/jwks/fetch-log.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

describe('a log of fetches', () => {
  let clock: AdjustableClock
  let log: FetchLog

  beforeEach(() => {
    clock = new AdjustableClock()
    clock.advance(1000)
    log = new FetchLog(clock)
  })

  const REFUSED = new JwksFetchError('connection_failed', { code: 'ECONNREFUSED' })
  const TIMEOUT = new JwksFetchError('read_timeout')
  /** One fetch that takes so many seconds; what the log makes of its duration. */
  function fetch(seconds: number, error?: JwksFetchError): number {
    const startedAt = currentMoment(clock)
    log.begin()
    clock.advance(seconds)
    return error === undefined ? log.succeed(startedAt) : log.fail(error, startedAt)
  }

  it('is empty at first', () => {
    expect([log.lastFault, log.failingFor]).toEqual([undefined, undefined])
    expect(log.stats(0)).toEqual({
      fetches: 0,
      failedFetches: 0,
      consecutiveFailures: 0,
      fetchDurationMs: { total: 0, longest: 0 },
    })
  })

  it('counts a fetch when it begins, before its end is known', () => {
    log.begin()
    expect(log.stats(0)).toMatchObject({ fetches: 1, failedFetches: 0, fetchDurationMs: { total: 0 } })
    expect(Object.keys(log.stats(0))).not.toContain('lastSuccess')
  })

  it('tells of a failure: why, with which code, when, how long', () => {
    expect(fetch(2, REFUSED)).toBe(2000)
    clock.advance(5)
    expect(log.lastFault?.message).toBe('connection_failed')
    expect(log.stats(1)).toEqual({
      fetches: 1,
      failedFetches: 1,
      consecutiveFailures: 1,
      fetchDurationMs: { total: 2000, longest: 2000 },
      lastFailure: { reason: 'connection_failed', code: 'ECONNREFUSED', millisecondsAgo: 5000, durationMs: 2000 },
    })
  })

  it('tells no code where a failure has none', () => {
    fetch(1, REFUSED)
    fetch(1, TIMEOUT)
    expect(log.stats(2).lastFailure).toEqual({ reason: 'read_timeout', millisecondsAgo: 0, durationMs: 1000 })
  })

  it('tells of a success: when, how long', () => {
    expect(fetch(0.5)).toBe(500)
    clock.advance(5)
    expect(log.stats(0)).toEqual({
      fetches: 1,
      failedFetches: 0,
      consecutiveFailures: 0,
      fetchDurationMs: { total: 500, longest: 500 },
      lastSuccess: { millisecondsAgo: 5000, durationMs: 500 },
    })
  })

  it('adds the durations of all fetches up, and knows the longest', () => {
    for (const [seconds, error] of [[1], [3, TIMEOUT], [2], [0.25, REFUSED]] as const) fetch(seconds, error)
    expect(log.stats(1)).toMatchObject({
      fetches: 4,
      failedFetches: 2,
      fetchDurationMs: { total: 6250, longest: 3000 },
      lastSuccess: { millisecondsAgo: 250, durationMs: 2000 },
      lastFailure: { reason: 'connection_failed', millisecondsAgo: 0, durationMs: 250 },
    })
  })

  it('tells whole milliseconds', () => {
    expect([fetch(0.0104), fetch(0.0106, TIMEOUT)]).toEqual([10, 11])
    clock.advance(0.0123)
    expect(log.stats(1)).toMatchObject({
      fetchDurationMs: { total: 21, longest: 11 },
      lastSuccess: { millisecondsAgo: 23, durationMs: 10 },
      lastFailure: { millisecondsAgo: 12, durationMs: 11 },
    })
  })

  it('tells since when the endpoint fails: from the begin of the first failure in a row', () => {
    fetch(1)
    clock.advance(10)
    expect(log.failingFor).toBeUndefined()
    fetch(2, TIMEOUT)
    expect(log.failingFor).toBe(2000)
    clock.advance(30)
    fetch(1, REFUSED)
    expect(log.failingFor).toBe(33_000)
    clock.advance(7)
    expect(log.failingFor).toBe(40_000)
  })

  it('does not tell that after a success, and begins anew with the next failure', () => {
    fetch(2, TIMEOUT)
    clock.advance(30)
    fetch(1)
    expect(log.failingFor).toBeUndefined()
    clock.advance(100)
    fetch(3, TIMEOUT)
    expect(log.failingFor).toBe(3000)
  })

  it('remembers the last failure after a success too', () => {
    fetch(1, REFUSED)
    fetch(1)
    expect(log.lastFault?.message).toBe('connection_failed')
    expect(log.stats(0).lastFailure).toMatchObject({ reason: 'connection_failed', millisecondsAgo: 1000 })
  })

  it('counts by the clock that has gone further', () => {
    const startedAt = currentMoment(clock)
    log.begin()
    clock.advance(1)
    clock.set(0)
    expect(log.fail(TIMEOUT, startedAt)).toBe(1000)
    clock.set(0)
    expect([log.failingFor, log.lastFailedFor, log.stats(1).lastFailure?.millisecondsAgo]).toEqual([1000, 0, 0])
    clock.set(60)
    expect([log.lastFailedFor, log.stats(1).lastFailure?.millisecondsAgo]).toEqual([60_000, 60_000])
  })

  it('gives stats that do not change later', () => {
    fetch(1)
    const stats = log.stats(0)
    fetch(5, TIMEOUT)
    expect(stats).toMatchObject({ fetches: 1, failedFetches: 0, fetchDurationMs: { total: 1000, longest: 1000 } })
  })
})
