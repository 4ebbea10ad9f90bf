import { printable } from '../errors/printable.js'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { isHostFunctionRefusal } from '../host-functions/host-functions.js'
import type { Claims } from './claim-path.js'

/** What functions of a policy are told beside the claims. */
export interface CheckContext {
  /** The `name` of the identity provider. */
  issuer: string
  /** The client that presents the assertion; absent behind the assertion strategy, and in `explain` without one. */
  clientId?: string
}

/**
 * A rule in code. `true` accepts; a text refuses, and is told to the operator, never to the client; anything else refuses,
 * too (`refused_by_check`). If it throws or rejects, the request is answered with 503 (`policy_check_failed`).
 *
 * @param signal aborted after `hostFunctions.timeout`, when the request no longer waits for the answer
 */
export type CheckAssertion = (
  claims: Claims,
  context: CheckContext,
  signal: AbortSignal,
) => true | string | Promise<true | string>

/** A check within the bounds of `hostFunctions`. */
export type BoundedCheck = (claims: Claims, context: CheckContext) => true | string | Promise<true | string>

/**
 * @throws TokenRejected `refused_by_check`
 * @throws DependencyUnavailable `policy_check_failed`, `host_function_timed_out`, `host_function_limit_reached`
 */
export async function enforceCheck(check: BoundedCheck, claims: Claims, context: CheckContext): Promise<void> {
  const verdict = await runCheck(check, claims, context)
  if (verdict === true) return
  const rejected = new TokenRejected('refused_by_check')
  if (typeof verdict === 'string' && verdict !== '') rejected.context = { message: printable(verdict) }
  throw rejected
}

async function runCheck(check: BoundedCheck, claims: Claims, context: CheckContext): Promise<unknown> {
  try {
    return await check(claims, context)
  } catch (cause) {
    throw isHostFunctionRefusal(cause) ? cause : new DependencyUnavailable('policy_check_failed', { cause })
  }
}
