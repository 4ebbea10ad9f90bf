import type { FetchFailure } from './identity-provider-item.js'

/** What is wrong with one option of an entry. */
export interface EntryProblem {
  code: string
  /** From the entry on: `['requiredClaims', 'tid']`. */
  path: readonly (string | number)[]
  message: string
}

/** The API refused, or did not answer (`status` 0). */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly status: number
  readonly problems: readonly EntryProblem[]
  /** The fetches that failed. */
  readonly attempts: readonly FetchFailure[]

  constructor(status: number, message: string, details: Pick<Problem, 'problems' | 'attempts'> = {}) {
    super(message)
    this.status = status
    this.problems = details.problems ?? []
    this.attempts = details.attempts ?? []
  }
}

export interface ApiCall {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Sent as JSON. */
  body?: unknown
  /** The version that must still be there. */
  ifMatch?: string | undefined
  signal?: AbortSignal
}

export interface ApiAnswer<Body> {
  body: Body
  /** The version of what was answered. */
  etag: string | undefined
}

/** A problem document, RFC 9457. */
interface Problem {
  type?: string
  title?: string
  detail?: string
  problems?: readonly EntryProblem[]
  attempts?: readonly FetchFailure[]
}

const NO_JSON =
  'The server answered with something else than JSON. Perhaps you have to sign in again: reload this page.'
const SIGN_IN = 'You may not use this page, or not any more. Sign in, and reload it.'
const MESSAGES: Readonly<Record<number, string>> = {
  404: 'There is no identity provider with this id.',
  412: 'Somebody else has changed it meanwhile.',
}
/** Of problem documents, whose detail is for the developer of the server. */
const REFUSALS = ['not-authenticated', 'not-authorized'].map((name) => `urn:express-jwt-exchange:problem:${name}`)

/**
 * @param path relative to the page, which is the root of the API
 * @throws ApiFailure
 */
export async function callApi<Body>(path: string, call: ApiCall = {}): Promise<ApiAnswer<Body>> {
  const { method = 'GET', body, ifMatch, signal } = call
  const headers = new Headers({ accept: 'application/json' })
  if (body !== undefined) headers.set('content-type', 'application/json')
  if (ifMatch !== undefined) headers.set('if-match', ifMatch)
  const init: RequestInit = { method, headers, ...(signal !== undefined && { signal }) }
  if (body !== undefined) init.body = JSON.stringify(body)
  const response = await fetch(path, init).catch(() => {
    throw new ApiFailure(0, 'The server does not answer. Check that it runs, and that you are connected.')
  })
  const text = await response.text().catch(() => '')
  const answer = text === '' ? null : parseJson(text)
  if (!response.ok) throw toFailure(response.status, answer)
  if (answer === undefined) throw new ApiFailure(response.status, NO_JSON)
  return { body: answer as Body, etag: response.headers.get('etag') ?? undefined }
}

/** The path of one identity provider, or of something within it. */
export function pathOf(id: string, within = ''): string {
  return `identity-providers/${encodeURIComponent(id)}${within === '' ? '' : `/${within}`}`
}

export function isApiFailure(error: unknown): error is ApiFailure {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'ApiFailure'
}

/** Anything that was thrown, as a failure that can be shown. */
export function toApiFailure(error: unknown): ApiFailure {
  return isApiFailure(error) ? error : new ApiFailure(0, `The page failed: ${String(error)}`)
}

function toFailure(status: number, answer: unknown): ApiFailure {
  const { type = '', title, detail, ...details } = (answer ?? {}) as Problem
  const isRefused = REFUSALS.includes(type) || (type === '' && (status === 401 || status === 403))
  const message = isRefused ? SIGN_IN : (detail ?? MESSAGES[status] ?? title)
  return new ApiFailure(status, message ?? `The server answered with the status ${status}.`, details)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
