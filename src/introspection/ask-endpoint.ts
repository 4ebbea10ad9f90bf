import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock/clock.js'
import { fieldOf } from '../errors/field-of.js'
import { printable } from '../errors/printable.js'
import { type BoundedFetch, fetchBounded, readOk } from '../guarded-fetch/bounded-fetch.js'
import { DIRECT_CONNECTION } from '../guarded-fetch/connection-options.js'
import { describeText } from '../guarded-fetch/document-kind.js'
import { type FetchFailure, isJwksFetchError } from '../guarded-fetch/fetch-error.js'
import { ownMember, parseJsonObject } from '../jwt/parse-json-object.js'
import type { IntrospectionSettings } from './introspection-options.js'

/** What an introspection endpoint says of a token (RFC 7662 §2.2). */
export interface IntrospectionAnswer {
  isActive: boolean
  /** All members of the answer. Empty if the token is not active. */
  claims: Readonly<Record<string, unknown>>
}

/** The endpoint did not give a well-formed answer. */
export class IntrospectionFailed extends Error {
  override readonly name = 'IntrospectionFailed'
  readonly failure: FetchFailure
  /** Milliseconds for which the endpoint asked to be left alone. */
  readonly retryAfter: number | undefined

  constructor(failure: FetchFailure, retryAfter?: number) {
    super(failure.reason)
    this.failure = failure
    this.retryAfter = retryAfter
  }

  /** What events show of it as the cause. */
  get code(): string {
    return this.failure.code ?? this.failure.reason
  }
}

export function isIntrospectionFailed(error: unknown): error is IntrospectionFailed {
  return fieldOf(error, 'name') === 'IntrospectionFailed'
}

export interface AskEndpointDeps {
  clock: Clock
  /** Ends questions under way, and no other begins. */
  closing: AbortSignal
}

type Outcome = IntrospectionAnswer | FetchFailure

/** Ended by the other side. */
const CONNECTION_LOST = ['ECONNRESET', 'EPIPE']
const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i
/** What a decoder puts for bytes that are not UTF-8. */
const NOT_UTF8 = '\uFFFD'
const NOTHING = Object.freeze({})

/**
 * Asks the introspection endpoint about one token, once: only if a connection that was kept open turns out to be closed, the
 * question is sent again.
 *
 * @throws IntrospectionFailed for anything but a well-formed answer
 */
export async function askEndpoint(
  token: string,
  settings: IntrospectionSettings,
  deps: AskEndpointDeps,
): Promise<IntrospectionAnswer> {
  let outcome: Outcome
  try {
    outcome = await post(token, settings, deps).catch((error: unknown) => {
      if (isClosedWhileIdle(error)) return post(token, settings, deps)
      throw error
    })
  } catch (error) {
    throw isJwksFetchError(error) ? new IntrospectionFailed(error.describe(), error.retryAfter) : error
  }
  if ('isActive' in outcome) return outcome
  throw new IntrospectionFailed(outcome)
}

function isClosedWhileIdle(error: unknown): boolean {
  return isJwksFetchError(error) && error.isOfReusedConnection && CONNECTION_LOST.includes(error.code ?? '')
}

function post(
  token: string,
  { endpoint, authorization, limits, connection }: IntrospectionSettings,
  { clock, closing }: AskEndpointDeps,
): Promise<Outcome> {
  const question: BoundedFetch = {
    endpoint,
    limits,
    connection: { ...DIRECT_CONNECTION, ...connection },
    totalTimeout: limits.connectionTimeout + limits.readTimeout,
    now: clock.now(),
    form: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
  }
  const headers = { accept: 'application/json', authorization }
  return fetchBounded(question, closing, headers, (response) => readResponse(response, question))
}

async function readResponse(response: IncomingMessage, question: BoundedFetch): Promise<Outcome> {
  const { statusCode, headers } = response
  const url = printable(question.endpoint.href)
  if (statusCode === 401) return { reason: 'credentials_refused', code: '401', url }
  if (statusCode === 200 && !JSON_TYPE.test(headers['content-type'] ?? '')) {
    return { reason: 'unexpected_content_type', url }
  }
  const body = await readOk(response, question)
  const object = body.includes(NOT_UTF8) ? undefined : parseJsonObject(body)
  if (object === undefined) return { reason: 'not_json', url, detail: describeText(body) }
  const isActive = ownMember(object, 'active')
  if (typeof isActive === 'boolean') return { isActive, claims: isActive ? object : NOTHING }
  return { reason: 'not_an_introspection_answer', url, detail: 'its member "active" is not true or false' }
}
