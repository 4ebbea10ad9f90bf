import type { OptionReader } from '../option-checks/option-reader.js'
import { isPlainObject } from '../option-checks/plain-object.js'
import type { ClaimMapping, MapClaim, MappedClaim } from './claim-mapping.js'
import { CLAIM_PATH, parseClaimPath, readClaim } from './claim-path.js'
import { type ClaimScalar, isScalar, isScalarOption, SCALAR } from './claim-value.js'

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
    const found = isPlainObject(sources) ? 'an empty object' : undefined
    reader.problem('claimsToToken', 'an object of one claim or more: the source of each', found)
    return NONE
  }
  const sourceOf = reader.object('claimsToToken')
  return Object.keys(sources).map((name) => readSource(sourceOf, name))
}

function readSource(reader: OptionReader, name: string): ClaimMapping {
  const source = reader.value(name)
  if (name === '' || OWN_CLAIMS.includes(name)) {
    reader.problem(name, `another name than one of ${OWN_CLAIMS.join(', ')}`, 'a claim that is not to be overwritten')
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

/** A claim, unless a number in it may stand for another one, which JSON could not tell apart. */
function exactly(claim: unknown): unknown {
  return hasUncertainNumber(claim) ? undefined : claim
}

function hasUncertainNumber(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(hasUncertainNumber)
  return typeof value === 'number' && !isScalar(value)
}
