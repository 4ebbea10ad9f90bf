import { describeFault } from '../errors/describe-fault.js'
import { fieldOf } from '../errors/field-of.js'
import { printable } from '../errors/printable.js'
import {
  DependencyUnavailable,
  type GrantContext,
  isDependencyUnavailable,
  isTokenRejected,
  type ScopeContext,
  type TokenRejected,
} from '../errors/rejections.js'
import type { DecisionRefused } from '../events/refusals.js'
import { isOAuthError, OAuthError } from './errors.js'

/** One refusal, as the client and the operator see it. */
export interface Refusal {
  /** For the client: a fixed text. */
  answer: OAuthError
  /** For the operator. */
  event: DecisionRefused & ScopeContext & GrantContext
}

/**
 * What the client sees, and what events say, of anything that was thrown. The caller says what a rejected token means,
 * because the same bad JWT is `invalid_grant` or `invalid_token` by its role. An outage is always 503 with
 * `Retry-After`, and so is a defect of ours: neither is the client's fault.
 */
export function toRefusal(error: unknown, answerRejected: (rejected: TokenRejected) => OAuthError): Refusal {
  if (isOAuthError(error)) return refusalOf(error)
  if (isTokenRejected(error)) return refusalOf(answerRejected(error), error)
  const outage = isDependencyUnavailable(error) ? error : new DependencyUnavailable('internal_error', { cause: error })
  const answer = new OAuthError('temporarily_unavailable', 'The service is temporarily unavailable', {
    reason: outage.reason,
    headers: { 'Retry-After': String(outage.retryAfter) },
  })
  return refusalOf(answer, outage)
}

function refusalOf(answer: OAuthError, error: OAuthError | TokenRejected | DependencyUnavailable = answer): Refusal {
  const cause = fieldOf(error, 'cause')
  return {
    answer,
    event: {
      reason: answer.reason,
      error: answer.code,
      status: answer.status,
      description: printable(answer.message),
      ...error.context,
      ...(cause !== undefined && { cause: describeFault(cause) }),
    },
  }
}
