import { DependencyUnavailable, TokenRejected } from '../events/rejections.js'
import type { VerifiedAssertion } from './verified-assertion.js'

/** What a `subject` function is given. */
export interface AssertionSubject {
  /** The `name` of the identity provider. */
  issuer: string
  sub: string
  claims: Readonly<Record<string, unknown>>
}

/**
 * How the `sub` of an access token comes from an assertion. `raw`: the assertion's `sub`. `namespaced`: the identity
 * provider's name, `|`, and the `sub`, where `%` and `|` in the name are written `%25` and `%7C`, so that no two
 * identity providers share a subject. A function gives any other non-empty string.
 */
export type SubjectOption = 'raw' | 'namespaced' | ((assertion: AssertionSubject) => string | Promise<string>)

/**
 * @throws TokenRejected `invalid_subject` where a function gives no non-empty string
 * @throws DependencyUnavailable `subject_mapping_failed` where it throws
 */
export async function resolveSubject(assertion: VerifiedAssertion, option: SubjectOption): Promise<string> {
  const issuer = assertion.identityProvider.name
  if (option === 'raw') return assertion.sub
  if (option === 'namespaced') return `${issuer.replaceAll('%', '%25').replaceAll('|', '%7C')}|${assertion.sub}`
  const subject: unknown = await mapSubject(option, { issuer, sub: assertion.sub, claims: assertion.payload })
  if (typeof subject !== 'string' || subject === '') throw new TokenRejected('invalid_subject')
  return subject
}

async function mapSubject(map: Exclude<SubjectOption, string>, assertion: AssertionSubject): Promise<unknown> {
  try {
    return await map(assertion)
  } catch (cause) {
    throw new DependencyUnavailable('subject_mapping_failed', { cause })
  }
}
