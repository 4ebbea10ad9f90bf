import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { printable } from '../events/printable.js'
import { type ClaimCondition, findFailing } from './claim-condition.js'
import type { Claims } from './claim-path.js'

/** What a `check` is told beside the claims. */
export interface CheckContext {
  /** The `name` of the identity provider. */
  issuer: string
  /** The client that presents the assertion; absent behind the assertion strategy, which has none. */
  clientId?: string
}

/**
 * A rule in code. `true` accepts; a text refuses, and is told to the operator, never to the client; anything else refuses,
 * too. Where it throws or rejects, the request is answered with 503.
 */
export type CheckAssertion = (claims: Claims, context: CheckContext) => true | string | Promise<true | string>

/** Whose assertions are accepted of one identity provider, and with which claims. All of it must hold. */
export interface Policy {
  /** Whether a `sub` is accepted; undefined: any. */
  acceptsSubject: ((sub: string) => boolean) | undefined
  claims: readonly ClaimCondition[]
  check: CheckAssertion | undefined
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
  if (check === undefined) return
  const verdict = await runCheck(check, claims, context)
  if (verdict !== true) throw refusedByCheck(verdict)
}

async function runCheck(check: CheckAssertion, claims: Claims, context: CheckContext): Promise<unknown> {
  try {
    return await check(claims, context)
  } catch (cause) {
    throw new DependencyUnavailable('policy_check_failed', { cause })
  }
}

function claimNotAllowed({ path, expected, message }: ClaimCondition): TokenRejected {
  const rejected = new TokenRejected('claim_not_allowed')
  rejected.context = { claim: printable(path), message: printable(message ?? `wanted: ${expected}`) }
  return rejected
}

function refusedByCheck(verdict: unknown): TokenRejected {
  const rejected = new TokenRejected('refused_by_check')
  if (typeof verdict === 'string' && verdict !== '') rejected.context = { message: printable(verdict) }
  return rejected
}
