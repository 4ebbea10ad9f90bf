import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import type { CheckContext } from './check-assertion.js'
import type { Claims } from './claim-path.js'

/** What a function among the claims to map is: the value of one claim of the access token; undefined: it has none. */
export type MapClaim = (claims: Claims, context: CheckContext) => unknown

/** One claim of the access token. */
export interface MappedClaim {
  name: string
  map: MapClaim
}

/** Bytes of all mapped claims together as JSON: an access token of them fits into the headers that Node accepts. */
export const MOST_MAPPED_BYTES = 8192

const NO_CLAIMS: Claims = {}

/**
 * The claims that an access token gets beside its own. One whose source is missing is left out.
 *
 * @throws TokenRejected `mapped_claims_too_large`
 * @throws DependencyUnavailable `claim_mapping_failed` where a function throws or gives what is no JSON
 */
export async function mapClaims(
  mapping: readonly MappedClaim[],
  claims: Claims,
  context: CheckContext,
): Promise<Claims> {
  if (mapping.length === 0) return NO_CLAIMS
  const mapped = await serialise(mapping, claims, context)
  if (Buffer.byteLength(mapped) > MOST_MAPPED_BYTES) throw new TokenRejected('mapped_claims_too_large')
  return JSON.parse(mapped)
}

async function serialise(mapping: readonly MappedClaim[], claims: Claims, context: CheckContext): Promise<string> {
  try {
    const entries: [string, unknown][] = []
    for (const { name, map } of mapping) entries.push([name, await map(claims, context)])
    return JSON.stringify(Object.fromEntries(entries))
  } catch (cause) {
    throw new DependencyUnavailable('claim_mapping_failed', { cause })
  }
}
