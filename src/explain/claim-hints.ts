import type { ClaimCondition } from '../policy/claim-condition.js'
import { type Claims, parseClaimPath, readClaim } from '../policy/claim-path.js'
import { hintOfOtherPath } from './missing-claim.js'
import { isOptionBeside, type TableOfClaims } from './option-names.js'

const MISSING = 'the claim is missing: have the identity provider put it'

/** Why a claim is not what a condition wants. */
export function hintOfClaim(
  { path, expected }: ClaimCondition,
  claims: Claims,
  table: TableOfClaims,
): string | undefined {
  const claim = claimAt(path, claims)
  return claim === undefined ? hintOfMissing(path, claims, table) : hintOfType(claim, expected)
}

/** The same of the claim that should have groups. */
export function hintOfGroups({ path, expected }: ClaimCondition, claims: Claims): string | undefined {
  const claim = claimAt(path, claims)
  if (claim !== undefined) return hintOfType(claim, expected)
  const otherPath = hintOfOtherPath(path, claims)
  const byOption = 'groupsClaim (groups_claim)'
  if (otherPath !== undefined) return `${otherPath}: name it by ${byOption}`
  return `${MISSING}, or, with groupsToScopes, name another one by ${byOption}`
}

export function claimAt(written: string, claims: Claims): unknown {
  const path = parseClaimPath(written)
  return path === undefined ? undefined : readClaim(claims, path)
}

function hintOfMissing(path: string, claims: Claims, table: TableOfClaims): string {
  const otherPath = hintOfOtherPath(path, claims)
  if (otherPath !== undefined) return otherPath
  if (!isOptionBeside(path, table)) return MISSING
  return `the claim is missing: is this an option that stands under the table ${table}?`
}

/** Of a value that would be the right one in another type. */
function hintOfType(found: unknown, expected: string): string | undefined {
  if (typeof found === 'string' && expected.startsWith('an array')) return 'it is a string, and not an array of one'
  if (Array.isArray(found) && /^(?:exactly|like|one of) /.test(expected)) return 'it is an array: use includes'
  if (typeof found === 'number' && expected.includes(`"${found}"`)) return 'it is a number: write it without quotes'
  if (typeof found === 'string' && found !== '' && expected.split(/[\s,]+/).includes(found)) {
    return 'it is a string: write it in quotes'
  }
  return undefined
}
