import { isMap, isSet } from 'node:util/types'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { type HostFunctions, isHostFunctionRefusal } from '../host-functions/host-functions.js'
import { parseJsonObject } from '../jwt/parse-json-object.js'
import type { CheckContext } from './check-assertion.js'
import type { Claims } from './claim-path.js'

/**
 * A function in `claimsToToken`: gives the value of one claim of the access token, or undefined where it has none. Where it
 * throws, rejects or gives what is no JSON: 503, `claim_mapping_failed`.
 *
 * @param signal aborted after `hostFunctions.timeout`, when the request no longer waits for the answer
 */
export type MapClaim = (claims: Claims, context: CheckContext, signal: AbortSignal) => unknown

/** What `claimsToToken` says of one claim. */
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
  return { name, map: hostFunctions.bound(call, mapping.hostFunction) }
}

/** Bytes of all mapped claims together as JSON: an access token of them fits into the headers that Node accepts. */
export const MOST_MAPPED_BYTES = 8192

const NO_CLAIMS: Claims = {}

/**
 * The claims that an access token gets beside its own. One whose source is missing is left out.
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
  if (Buffer.byteLength(mapped) > MOST_MAPPED_BYTES) throw new TokenRejected('mapped_claims_too_large')
  // As an access token is read: what that refuses must not be issued.
  return parseJsonObject(mapped) ?? failed(new TypeError('a claim nests too deep'))
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
    if (isLost(member) || (member === undefined && Array.isArray(this))) throw new TypeError('a claim is no JSON')
    return member
  })
  if (json === undefined) throw new TypeError('a claim is no JSON')
  return json
}

function isLost(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  return typeof value === 'function' || typeof value === 'symbol' || isMap(value) || isSet(value)
}

function failed(cause: unknown): never {
  throw isHostFunctionRefusal(cause) ? cause : new DependencyUnavailable('claim_mapping_failed', { cause })
}
