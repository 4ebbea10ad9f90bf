import { hash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type BoundedFetch, fetchBounded, parseJsonBody, readOk } from '../guarded-fetch/bounded-fetch.js'
import { describeDocument } from '../guarded-fetch/document-kind.js'
import { JwksFetchError } from '../guarded-fetch/fetch-error.js'
import { readMaxAge } from '../guarded-fetch/freshness.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'

/** Mark one version of a key set (RFC 9110 §8.8). */
export interface Validators {
  etag?: string
  lastModified?: string
}

export interface JwksFetch extends BoundedFetch {
  /** Of the key set that is cached: the endpoint may answer that it is still the same. */
  validators?: Validators | undefined
}

export interface JwksAnswer {
  /** undefined: it has not changed. */
  published: PublishedKeySet | undefined
  validators: Validators
  /** Milliseconds for which the endpoint says that it is fresh; undefined if it does not say. */
  maxAge: number | undefined
}

export interface PublishedKeySet {
  /** The members of `keys` (RFC 7517 §5). */
  members: readonly unknown[]
  /** The same for the same text. */
  version: string
}

/** Can be sent back as it came. */
const VALIDATOR = /^[\x20-\x7E]{1,512}$/

/**
 * Gets a key set. The status must be 200, or 304 if the request allowed that.
 *
 * @throws JwksFetchError
 */
export function fetchJwks(jwksFetch: JwksFetch, closing: AbortSignal): Promise<JwksAnswer> {
  const conditions = conditionsOf(jwksFetch.validators)
  return fetchBounded(jwksFetch, closing, conditions, (response) => readAnswer(response, jwksFetch))
}

function conditionsOf({ etag, lastModified }: Validators = {}) {
  return {
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(lastModified !== undefined && { 'if-modified-since': lastModified }),
  }
}

async function readAnswer(response: IncomingMessage, jwksFetch: JwksFetch): Promise<JwksAnswer> {
  const { statusCode, headers } = response
  const { validators = {} } = jwksFetch
  const maxAge = readMaxAge(headers)
  const isConditional = validators.etag !== undefined || validators.lastModified !== undefined
  if (statusCode === 304 && isConditional) {
    await once(response.resume(), 'end') // An agent can keep the connection then.
    return { published: undefined, validators, maxAge }
  }
  const body = await readOk(response, jwksFetch)
  const version = hash('sha256', body, 'base64url')
  return { published: { members: readMembers(body), version }, validators: readValidators(headers), maxAge }
}

function readValidators({ etag = '', 'last-modified': lastModified = '' }: IncomingHttpHeaders): Validators {
  return { ...(VALIDATOR.test(etag) && { etag }), ...(VALIDATOR.test(lastModified) && { lastModified }) }
}

function readMembers(body: string): unknown[] {
  const keySet = parseJsonBody(body)
  const keys = isJsonObject(keySet) ? ownMember(keySet, 'keys') : undefined
  if (Array.isArray(keys)) return keys
  throw new JwksFetchError('not_a_key_set', { detail: describeDocument(keySet) })
}
