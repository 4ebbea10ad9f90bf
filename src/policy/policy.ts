import { TokenRejected } from '../errors/rejections.js'
import { printable } from '../events/printable.js'
import type { Binding } from './binding.js'
import { type CheckAssertion, type CheckContext, enforceCheck } from './check-assertion.js'
import { type ClaimCondition, findFailing } from './claim-condition.js'
import type { MappedClaim } from './claim-mapping.js'
import type { Claims } from './claim-path.js'

/** Whose assertions are accepted of one identity provider, with which claims, and what they may become. */
export interface Policy {
  /** Whether a `sub` is accepted; undefined: any. */
  acceptsSubject: ((sub: string) => boolean) | undefined
  claims: readonly ClaimCondition[]
  check: CheckAssertion | undefined
  /** Where there are some, at least one must hold, and those that do bound the access token. */
  bindings: readonly Binding[]
  claimMapping: readonly MappedClaim[]
}

/**
 * Refuses an assertion by the first rule that it fails: subjects, then claims in their order, then the check.
 *
 * @throws TokenRejected `subject_not_allowed`, `claim_not_allowed`, `refused_by_check`
 * @throws DependencyUnavailable `policy_check_failed`
 */
export async function enforcePolicy(
  { acceptsSubject, claims: conditions, check }: Policy,
  sub: string,
  claims: Claims,
  context: CheckContext,
): Promise<void> {
  if (acceptsSubject?.(sub) === false) throw new TokenRejected('subject_not_allowed')
  const failing = findFailing(conditions, claims)
  if (failing !== undefined) throw claimNotAllowed(failing)
  if (check !== undefined) await enforceCheck(check, claims, context)
}

function claimNotAllowed({ path, expected, message }: ClaimCondition): TokenRejected {
  const rejected = new TokenRejected('claim_not_allowed')
  rejected.context = { claim: printable(path), message: printable(message ?? `wanted: ${expected}`) }
  return rejected
}
