import { isMap, isPromise, isSet } from 'node:util/types'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { type HostFunctions, isHostFunctionRefusal } from '../host-functions/host-functions.js'
import { parseJsonObject } from '../jwt/parse-json-object.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type CheckContext, CLAIM_PATH, type Claims, parseClaimPath, readClaim } from './claim-path.js'
import { type ClaimScalar, isScalar, isScalarOption, SCALAR } from './claim-value.js'

/**
 * A function in `claimsToToken`: returns the value of one claim of the access token, or undefined to leave the claim out. If
 * it throws, rejects or returns something that is not JSON, the request is answered with 503 (`claim_mapping_failed`).
 *
 * @example
 * const isAdmin: MapClaim = (claims) => Array.isArray(claims.groups) && claims.groups.includes('admins')
 *
 * @param signal aborted after `hostFunctions.timeout`, when the request no longer waits for the answer
 */
export type MapClaim = (claims: Claims, context: CheckContext, signal: AbortSignal) => unknown

/** The source of one claim in `claimsToToken`. */
export type ClaimMapping = { name: string } & ({ builtIn: MappedClaim['map'] } | { hostFunction: MapClaim })

/** One claim of the access token. */
export interface MappedClaim {
  name: string
  /** Of the host's functions: within the bounds of `hostFunctions`. */
  map(claims: Claims, context: CheckContext): unknown
}

/** A function of the host is called within the bounds of `hostFunctions`. */
export function createMappedClaim(
  mapping: ClaimMapping,
  identityProvider: string,
  hostFunctions: HostFunctions,
): MappedClaim {
  const { name } = mapping
  if ('builtIn' in mapping) return { name, map: mapping.builtIn }
  const call = { function: 'claimsToToken', identityProvider, claim: name } as const
  return { name, map: hostFunctions.limit(call, mapping.hostFunction) }
}

/** Bytes of all mapped claims together as JSON: an access token of them fits into the headers that Node accepts. */
export const MAX_MAPPED_BYTES = 8192

const NO_CLAIMS: Claims = {}

/**
 * The claims that an access token gets in addition to its own. One whose source is missing is left out.
 *
 * @throws TokenRejected `mapped_claims_too_large`
 * @throws DependencyUnavailable `claim_mapping_failed` if a function throws, or returns something that is not JSON or nests
 *   too deep; `host_function_timed_out`, `host_function_limit_reached`
 */
export async function mapClaims(
  mapping: readonly MappedClaim[],
  claims: Claims,
  context: CheckContext,
): Promise<Claims> {
  if (mapping.length === 0) return NO_CLAIMS
  const mapped = await serialise(mapping, claims, context)
  if (Buffer.byteLength(mapped) > MAX_MAPPED_BYTES) throw new TokenRejected('mapped_claims_too_large')
  // As an access token is read: what that refuses must not be issued.
  return parseJsonObject(mapped) ?? failed(new TypeError('a claim is nested too deeply'))
}

async function serialise(mapping: readonly MappedClaim[], claims: Claims, context: CheckContext): Promise<string> {
  try {
    const members: string[] = []
    for (const { name, map } of mapping) {
      const value = await map(claims, context)
      if (value !== undefined) members.push(`${JSON.stringify(name)}:${toJson(value)}`)
    }
    return `{${members.join()}}`
  } catch (cause) {
    return failed(cause)
  }
}

/** @throws TypeError for what has no JSON, or loses something in it */
function toJson(value: unknown): string {
  const json = JSON.stringify(value, function (this: unknown, _, member: unknown) {
    if (isLost(member) || (member === undefined && Array.isArray(this))) throw new TypeError('a claim is not JSON')
    return member
  })
  if (json === undefined) throw new TypeError('a claim is not JSON')
  return json
}

function isLost(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  return typeof value === 'function' || typeof value === 'symbol' || isMap(value) || isSet(value) || isPromise(value)
}

function failed(cause: unknown): never {
  throw isHostFunctionRefusal(cause) ? cause : new DependencyUnavailable('claim_mapping_failed', { cause })
}

/**
 * Where one claim of the access token comes from: the path of a claim of the assertion, a constant, or, in code, a
 * function, which may return a promise.
 */
export type ClaimSource = string | { value: ClaimScalar | readonly ClaimScalar[] } | MapClaim

/**
 * Claims of an access token that say who it is for, how long it lives, what it may do and what kind of token it is: nothing
 * overwrites them.
 */
export const OWN_CLAIMS: readonly string[] = [
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope', 'cnf', 'act', 'may_act', 'idp'],
  ...['authorization_details', 'scp', '__proto__'],
  ...['events', 'nonce', 'at_hash', 'c_hash', 's_hash', 'htm', 'htu', 'token_introspection'],
]
const NONE: readonly ClaimMapping[] = []
const CONSTANT = `{ value }, ${SCALAR}, or an array of these`

export function readClaimMapping(reader: OptionReader): readonly ClaimMapping[] {
  const sources = reader.value('claimsToToken')
  if (!reader.isNamed('claimsToToken')) return NONE
  if (!isPlainObject(sources) || Object.keys(sources).length === 0) {
    const got = isPlainObject(sources) ? 'an empty object' : undefined
    reader.problem('claimsToToken', 'an object with at least one claim name and its source', got)
    return NONE
  }
  const sourceOf = reader.object('claimsToToken')
  return Object.keys(sources).map((name) => readSource(sourceOf, name))
}

function readSource(reader: OptionReader, name: string): ClaimMapping {
  const source = reader.value(name)
  if (name === '' || OWN_CLAIMS.includes(name)) {
    reader.note(
      'invalid',
      name,
      'this claim cannot be set; choose another name (docs/policy.md lists the reserved ones)',
    )
  }
  if (typeof source === 'function') return { name, hostFunction: source as MapClaim }
  if (isPlainObject(source)) return { name, builtIn: readConstant(reader.object(name)) }
  const path = typeof source === 'string' ? parseClaimPath(source) : undefined
  if (path !== undefined) return { name, builtIn: (claims) => exactly(readClaim(claims, path)) }
  reader.problem(name, `${CLAIM_PATH}; a constant as ${CONSTANT}; or a function`)
  return { name, builtIn: () => undefined }
}

function readConstant(reader: OptionReader): MappedClaim['map'] {
  const value = reader.value('value')
  const isConstant = isScalarOption(value) || (Array.isArray(value) && [...value].every(isScalarOption))
  if (!isConstant) reader.problem('value', CONSTANT)
  reader.refuseUnknown()
  const constant = Array.isArray(value) ? [...value] : value // Whatever becomes of the options.
  return () => constant
}

/** A claim, unless it contains a number that may have been another one in the token's JSON. */
function exactly(claim: unknown): unknown {
  return hasUncertainNumber(claim) ? undefined : claim
}

function hasUncertainNumber(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(hasUncertainNumber)
  return typeof value === 'number' && !isScalar(value)
}
