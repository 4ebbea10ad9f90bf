import { beforeEach, describe, expect, it } from '@jest/globals'
import { fetchWithRetries } from '../../../src/guarded-fetch/bounded-fetch.js'
import { DIRECT_CONNECTION } from '../../../src/guarded-fetch/connection-options.js'
import { JwksFetchError } from '../../../src/guarded-fetch/fetch-error.js'
import type { JwksAnswer, JwksFetch } from '../../../src/jwks/fetch-jwks.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

const FETCH = {
  endpoint: new URL('https://idp.example.com/keys'),
  connection: DIRECT_CONNECTION,
  limits: { connectionTimeout: 1000, readTimeout: 2000, sizeLimitBytes: 1024 },
  validators: { etag: '"a"' },
}
const ANSWER: JwksAnswer = { published: undefined, validators: {}, maxAge: undefined }
const LOST = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE']
const lost = (code = 'ECONNREFUSED') => new JwksFetchError('connection_failed', { code })

describe('a fetch with retries', () => {
  let clock: AdjustableClock
  let timers: AdjustableTimers
  let attempts: { fetch: JwksFetch; closing: AbortSignal; at: number }[]
  const closing = new AbortController().signal

  beforeEach(() => {
    clock = new AdjustableClock()
    timers = new AdjustableTimers(clock)
    attempts = []
  })

  /** Fetches; each attempt takes so many seconds and then ends with the next outcome, the last one ever after. */
  async function fetchWith(retries: number, outcomes: readonly unknown[], seconds = 0): Promise<unknown> {
    const fetchJwks = async (fetch: JwksFetch, signal: AbortSignal) => {
      const outcome = outcomes[Math.min(attempts.length, outcomes.length - 1)]
      attempts.push({ fetch, closing: signal, at: clock.monotonic() })
      clock.advance(seconds)
      if (outcome === ANSWER) return ANSWER
      throw outcome
    }
    const done = fetchWithRetries(fetchJwks, FETCH, retries, closing, { clock, timers }).catch(
      (error: unknown) => error,
    )
    await timers.advance(60)
    expect(timers.pending).toBe(0)
    return done
  }

  it.each<[string, unknown]>([
    ['a timeout', new JwksFetchError('connection_timeout')],
    ['a late answer', new JwksFetchError('read_timeout')],
    ['an unexpected status', new JwksFetchError('unexpected_status', { code: '503' })],
    ['a redirect', new JwksFetchError('redirected', { code: '302' })],
    ['a name that is unknown', new JwksFetchError('connection_failed', { code: 'ENOTFOUND' })],
    ['a name that is unknown for now', new JwksFetchError('connection_failed', { code: 'EAI_AGAIN' })],
    ['a host that cannot be reached', new JwksFetchError('connection_failed', { code: 'EHOSTUNREACH' })],
    ['a timeout of the system', new JwksFetchError('connection_failed', { code: 'ETIMEDOUT' })],
    ['a certificate that is not trusted', new JwksFetchError('certificate_not_trusted', { code: 'CERT_HAS_EXPIRED' })],
    ['an address that is not allowed', new JwksFetchError('address_not_allowed')],
    ['what is no JSON', new JwksFetchError('not_json')],
    ['too much', new JwksFetchError('too_large')],
    ['the end of the exchange', new JwksFetchError('closed')],
    ['a refusal in small letters', new JwksFetchError('connection_failed', { code: 'econnrefused' })],
    ['an error without a code', new Error('ECONNREFUSED')],
    ['an error with a code that is no text', Object.assign(new Error('x'), { code: 111 })],
    ['what is no error', 'ECONNREFUSED'],
    ['nothing', undefined],
  ])('is not tried again after %s', async (_, error) => {
    expect(await fetchWith(2, [error, ANSWER])).toBe(error)
    expect(attempts).toHaveLength(1)
  })

  it.each(LOST)('is not tried again after %s where no retry is allowed', async (code) => {
    const error = lost(code)
    expect(await fetchWith(0, [error, ANSWER])).toBe(error)
    expect(attempts).toHaveLength(1)
  })

  it.each([1, 2])('ends with the last error after %d retries', async (retries) => {
    const errors = [lost('ECONNREFUSED'), lost('ECONNRESET'), lost('EPIPE')]
    expect(await fetchWith(retries, errors)).toBe(errors[retries])
    expect(attempts).toHaveLength(retries + 1)
  })

  it('ends with another error that a retry meets, and is not tried again', async () => {
    const timeout = new JwksFetchError('connection_timeout')
    expect(await fetchWith(2, [lost(), timeout, ANSWER])).toBe(timeout)
    expect(attempts).toHaveLength(2)
  })

  it('is not tried again when there is no more time than the pause takes', async () => {
    const error = lost()
    expect(await fetchWith(2, [error, ANSWER], 2.9)).toBe(error)
    expect(attempts).toHaveLength(1)
    attempts.length = 0
    expect(await fetchWith(2, [lost(), ANSWER], 2.898)).toBe(ANSWER)
    expect(attempts).toHaveLength(2)
  })

  it('takes no longer, retries and pauses included, than one attempt may', async () => {
    await fetchWith(2, [lost()], 1.4)
    const [first, second, third] = attempts.map(({ fetch, at }) => [at, fetch.totalTimeout])
    expect([first, second, third]).toEqual([[0, 3000], [1500, 1500], undefined])
  })

  it.each(LOST)('is tried again after %s, once a tenth of a second has passed', async (code) => {
    expect(await fetchWith(1, [lost(code), ANSWER])).toBe(ANSWER)
    expect(attempts.map(({ at }) => at)).toEqual([0, 100])
  })

  it('is tried again where the connection was reset while reading', async () => {
    expect(await fetchWith(1, [new JwksFetchError('read_failed', { code: 'ECONNRESET' }), ANSWER])).toBe(ANSWER)
  })

  it('is tried again by the code of any error, whoever made it', async () => {
    expect(await fetchWith(1, [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), ANSWER])).toBe(ANSWER)
    expect(attempts).toHaveLength(2)
  })

  it('is not tried again once it succeeds', async () => {
    expect(await fetchWith(2, [ANSWER])).toBe(ANSWER)
    expect(attempts).toHaveLength(1)
  })

  it('asks for the same each time, with the time that is left and the time that it is', async () => {
    const now = clock.now()
    await fetchWith(1, [lost(), ANSWER], 0.5)
    expect(attempts.map(({ fetch }) => fetch)).toEqual([
      { ...FETCH, totalTimeout: 3000, now },
      { ...FETCH, totalTimeout: 2400, now: now + 0.6 },
    ])
    expect(new Set(attempts.map((attempt) => attempt.closing))).toEqual(new Set([closing]))
  })
})
