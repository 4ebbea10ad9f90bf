import { expect } from '@jest/globals'
import request from 'supertest'
import { type ExchangeHost, ISSUER } from './exchange-host.js'

/** An answer, whoever sent the request. */
export interface Answer {
  status: number
  headers: Readonly<Record<string, unknown>>
  text: string
}

export interface ExpectedRefusal {
  status: number
  error: string
  /** Besides those of every answer. */
  headers?: Readonly<Record<string, unknown>>
}

/** The one `error_description` of every `invalid_grant`. */
export const INVALID_GRANT_TEXT = 'The assertion is not valid'
const CHALLENGE = `Bearer realm="${ISSUER}"`
const INVALID_TOKEN_CHALLENGE = `${CHALLENGE}, error="invalid_token", error_description="The access token is not valid"`
/** Of the routes: what their challenges ask for. */
const SCOPES = ['', ', scope="orders:read"', ', scope="admin"']
/** All of them, where a header more would be a leak. */
const HEADERS_OF_AN_ERROR = [
  'cache-control',
  'connection',
  'content-length',
  'content-type',
  'date',
  'pragma',
  'x-powered-by',
]
/** Milliseconds, a limit for hangs: a busy machine keeps it. */
const SLOWEST_ANSWER = 5000
const ERROR_DESCRIPTION = /^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,100}$/
/** What no answer may hold: parts of a token, a stack, a path, and what the tests put into their input. */
const LEAK = /eyJ|\bat .*:\d+|node_modules|\.ts\b|attacker|evil|app-secret/i
const BEARER_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/
/** What fits into a header beside the others: Node takes 16 KiB of them. */
const MAX_LENGTH_IN_HEADER = 12_000

/** An OAuth error as JSON that is not stored, in less than a second, and with nothing of the input in it. */
export async function expectRefusal(answering: PromiseLike<Answer>, expected: ExpectedRefusal): Promise<void> {
  const answer = await timely(answering)
  const body = JSON.parse(answer.text)
  expect({ status: answer.status, ...body }).toEqual({
    status: expected.status,
    error: expected.error,
    error_description: expect.stringMatching(ERROR_DESCRIPTION),
  })
  expect(answer.headers).toMatchObject({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    ...expected.headers,
  })
  expect(`${JSON.stringify(answer.headers)} ${answer.text}`).not.toMatch(LEAK)
}

/** 400 `invalid_request`, or another status with the same code. */
export function expectInvalidRequest(answering: PromiseLike<Answer>, status = 400): Promise<void> {
  return expectRefusal(answering, { status, error: 'invalid_request' })
}

/** 400 `invalid_grant`: the client learns nothing more, the operator learns the reason. */
export async function expectInvalidGrant(
  answering: PromiseLike<Answer>,
  host: ExchangeHost,
  reason: string,
): Promise<void> {
  const answer = await timely(answering)
  expect({ reason: host.lastReason(), status: answer.status, text: answer.text }).toEqual({
    reason,
    status: 400,
    text: JSON.stringify({ error: 'invalid_grant', error_description: INVALID_GRANT_TEXT }),
  })
  expect(Object.keys(answer.headers).sort()).toEqual(HEADERS_OF_AN_ERROR)
}

/** 503 with `Retry-After`: something we depend on is out, which says nothing of the assertion. */
export async function expectUnavailable(
  answering: PromiseLike<Answer>,
  host: ExchangeHost,
  reason: string,
): Promise<void> {
  const headers = { 'retry-after': expect.stringMatching(/^[1-9]\d*$/) }
  await expectRefusal(answering, { status: 503, error: 'temporarily_unavailable', headers })
  expect(host.lastReason()).toBe(reason)
}

/** 401 `invalid_token` on a protected route, with a challenge that no input changes. */
export async function expectInvalidToken(
  host: ExchangeHost,
  path: string,
  authorization: string,
  reason: unknown = expect.any(String),
): Promise<void> {
  const answer = await timely(request(host.url).get(path).set({ authorization }))
  expect({ path, reason: host.lastReason(), status: answer.status }).toEqual({ path, reason, status: 401 })
  expectInvalidTokenAnswer(answer)
}

export function expectInvalidTokenAnswer(answer: Answer): void {
  expect(answer.status).toBe(401)
  expect(SCOPES.map((scope) => INVALID_TOKEN_CHALLENGE + scope)).toContain(answer.headers['www-authenticate'])
  expect(answer.text).not.toMatch(LEAK)
}

/** 401 on a protected route with the challenge for a request that carries no token. */
export async function expectNoToken(answering: PromiseLike<Answer>): Promise<void> {
  const answer = await timely(answering)
  expect(answer.status).toBe(401)
  expect(SCOPES.map((scope) => CHALLENGE + scope)).toContain(answer.headers['www-authenticate'])
}

/**
 * Refused by the token endpoint and by the assertion strategy for this reason, and by the routes for access tokens, as
 * far as a header can carry it.
 */
export async function expectAssertionRefused(host: ExchangeHost, assertion: string, reason: string): Promise<void> {
  await expectInvalidGrant(host.exchangeAssertion(assertion), host, reason)
  if (!/^[\x21-\x7E]+$/.test(assertion) || assertion.length > MAX_LENGTH_IN_HEADER) return
  const reasonOnRoute = BEARER_TOKEN.test(assertion) ? reason : 'malformed_authorization'
  await expectInvalidToken(host, '/whoami', `Bearer ${assertion}`, reasonOnRoute)
  await expectInvalidToken(host, '/me', `Bearer ${assertion}`)
  await expectInvalidToken(host, '/orders', `Bearer ${assertion}`)
}

/** Good assertions are exchanged: what was refused was refused for its fault, and did no damage. */
export async function expectServing(host: ExchangeHost): Promise<void> {
  const answer = await timely(host.exchangeAssertion(await host.idp.issueAssertion()))
  expect({ status: answer.status, reason: answer.status === 200 || host.lastReason() }).toEqual({
    status: 200,
    reason: true,
  })
}

/** Every string in every event is printable and short, and none holds a token or a secret. */
export function expectCleanEvents(host: ExchangeHost): void {
  const strings = host.events
    .flatMap((event) => Object.values(event).flat())
    .filter((value) => typeof value === 'string')
  expect(strings.filter((text) => !/^[\x20-\x7E]{0,200}$/.test(text))).toEqual([])
  expect(strings.filter((text) => /eyJ[A-Za-z0-9_-]{10}|app-secret-of-the-tests/.test(text))).toEqual([])
}

/** For the end of a file or story: all of it left the host unharmed and its log clean. */
export async function closeUnharmed(host: ExchangeHost): Promise<void> {
  try {
    await expectServing(host)
    expectCleanEvents(host)
  } finally {
    await host.close()
  }
}

async function timely(answering: PromiseLike<Answer>): Promise<Answer> {
  const start = performance.now()
  const answer = await answering
  expect(performance.now() - start).toBeLessThan(SLOWEST_ANSWER)
  return answer
}
