import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { isPlainText } from '../jwt/check-claims.js'
import type { VerifiedAssertion } from './verified-assertion.js'

const LONGEST_SUBJECT = 16_384

/**
 * The `sub` of an access token for an assertion.
 *
 * @throws TokenRejected `invalid_subject` where it cannot be made, is empty, too long or no plain text
 * @throws DependencyUnavailable `subject_mapping_failed` where a function of the host throws
 */
export async function resolveSubject(assertion: VerifiedAssertion): Promise<string> {
  const subject = await mapSubject(assertion)
  if (!isPlainText(subject) || subject.length > LONGEST_SUBJECT) throw new TokenRejected('invalid_subject')
  return subject
}

async function mapSubject({ identityProvider, sub, payload }: VerifiedAssertion): Promise<unknown> {
  try {
    return await identityProvider.mapSubject({ issuer: identityProvider.name, sub, claims: payload })
  } catch (cause) {
    throw new DependencyUnavailable('subject_mapping_failed', { cause })
  }
}
