import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { isPlainText } from '../jwt/check-claims.js'
import type { VerifiedAssertion } from './verified-assertion.js'

/** What a `subject` function is given. */
export interface AssertionSubject {
  /** The `name` of the identity provider. */
  issuer: string
  sub: string
  claims: Readonly<Record<string, unknown>>
}

const LONGEST_SUBJECT = 16_384

/**
 * How the `sub` of an access token comes from an assertion. `raw`: the assertion's `sub`. `namespaced`: the identity
 * provider's name, `|`, and the `sub`, where `%` and `|` in the name are written `%25` and `%7C`, so that no two
 * identity providers share a subject. A function gives any other text. In each case at most 16 384 characters, none of them
 * a control character.
 */
export type SubjectOption = 'raw' | 'namespaced' | ((assertion: AssertionSubject) => string | Promise<string>)

/**
 * @throws TokenRejected `invalid_subject` where that is empty, too long or no plain text
 * @throws DependencyUnavailable `subject_mapping_failed` where it throws
 */
export async function resolveSubject(assertion: VerifiedAssertion, option: SubjectOption): Promise<string> {
  const issuer = assertion.identityProvider.name
  const subject = await subjectOf({ issuer, sub: assertion.sub, claims: assertion.payload }, option)
  if (!isPlainText(subject) || subject.length > LONGEST_SUBJECT) throw new TokenRejected('invalid_subject')
  return subject
}

function subjectOf(assertion: AssertionSubject, option: SubjectOption): unknown {
  if (option === 'raw') return assertion.sub
  if (option !== 'namespaced') return mapSubject(option, assertion)
  return `${assertion.issuer.replaceAll('%', '%25').replaceAll('|', '%7C')}|${assertion.sub}`
}

async function mapSubject(map: Exclude<SubjectOption, string>, assertion: AssertionSubject): Promise<unknown> {
  try {
    return await map(assertion)
  } catch (cause) {
    throw new DependencyUnavailable('subject_mapping_failed', { cause })
  }
}
