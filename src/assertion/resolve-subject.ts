import { type Eventual, isPending, whenReady } from '../clock/when-ready.js'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { isHostFunctionRefusal } from '../host-functions/host-functions.js'
import { isSubject } from '../jwt/check-claims.js'
import type { VerifiedAssertion } from './verify-assertion.js'

/** Of an assertion, or of an access token of an identity provider. */
export type VouchedSubject = Pick<VerifiedAssertion, 'identityProvider' | 'sub' | 'payload'>

export const MAX_SUBJECT_LENGTH = 16_384

/**
 * The `sub` of an access token for an assertion.
 *
 * @throws TokenRejected `invalid_subject` if it cannot be made, is too long or cannot be a subject
 * @throws DependencyUnavailable `subject_mapping_failed` if a function of the host throws; `host_function_timed_out`,
 *   `host_function_limit_reached`
 */
export function resolveSubject(assertion: VouchedSubject): Eventual<string> {
  return whenReady(mapSubject(assertion), (subject) => {
    if (!isSubject(subject) || subject.length > MAX_SUBJECT_LENGTH) throw new TokenRejected('invalid_subject')
    return subject
  })
}

/**
 * RFC 9700 §4.15: a resource server must not take a user for a client.
 *
 * @throws TokenRejected `subject_is_client_id`
 */
export async function checkSubjectIsNoClient(
  subject: string,
  findClient: (clientId: string) => Promise<unknown>,
): Promise<void> {
  if ((await findClient(subject)) !== undefined) throw new TokenRejected('subject_is_client_id')
}

function mapSubject({ identityProvider, sub, payload }: VouchedSubject): Eventual<unknown> {
  try {
    const mapped = identityProvider.mapSubject({ identityProvider: identityProvider.id, sub, claims: payload })
    return isPending(mapped) ? mapped.catch(refuseMapping) : mapped
  } catch (cause) {
    return refuseMapping(cause)
  }
}

function refuseMapping(cause: unknown): never {
  throw isHostFunctionRefusal(cause) ? cause : new DependencyUnavailable('subject_mapping_failed', { cause })
}
