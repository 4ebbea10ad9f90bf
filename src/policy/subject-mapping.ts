import type { HostFunctions } from '../host-functions/host-functions.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { CLAIM_TEMPLATE, type ClaimTemplate, fillClaimTemplate, parseClaimTemplate } from './claim-template.js'

/** What a `subject` function gets. */
export interface AssertionSubject {
  /** The `id` (by default the `name`) of the identity provider. */
  identityProvider: string
  sub: string
  claims: Readonly<Record<string, unknown>>
}

/**
 * How the `sub` of an access token is made from an assertion.
 *
 * - `raw`: the assertion's `sub`.
 * - `namespaced`: the identity provider's `id` (by default its `name`), `|`, and the `sub`. `%` and `|` in the id are written
 *   `%25` and `%7C`, so that no two identity providers share a subject.
 * - a template: text with claims in it, by their paths: `"ci|${claims.repository_id}"`. An assertion is refused if one of
 *   them is missing, empty or not a string, or contains the text that follows it in the template.
 * - a function: returns any other text.
 *
 * If identity providers have different settings, the subjects of each must begin with a different text, so that no two share
 * a subject. For functions, that cannot be checked.
 *
 * A subject has at most 16 384 characters, none of them invisible, and no white space around it.
 *
 * @example
 * const subject: SubjectOption = 'ci|${claims.repository_id}'
 */
export type SubjectOption = 'raw' | 'namespaced' | (string & {}) | SubjectFunction

/**
 * Returns the subject. If it throws or rejects, the request is answered with 503 (`subject_mapping_failed`). If its result
 * cannot be a subject, the assertion is refused with `invalid_subject`.
 *
 * @example
 * const subject: SubjectFunction = ({ sub }) => `okta:${sub}`
 *
 * @param signal aborted after `hostFunctions.timeout`, when the request no longer waits for the answer
 */
export type SubjectFunction = (assertion: AssertionSubject, signal: AbortSignal) => string | Promise<string>

/** Gives the subject, or anything but a text if there is none. May throw. */
export interface MapSubject {
  (assertion: AssertionSubject): unknown
  /** What it is made by, if by a template. */
  template?: ClaimTemplate
  /** Whether it is a function of the host. */
  isOfHost?: true
}

/** What the option `subject` says. */
export type SubjectMapping = { readonly builtIn: MapSubject } | { readonly hostFunction: SubjectFunction }

export const RAW_SUBJECT: SubjectMapping = { builtIn: rawSubject }
const NAMESPACED_SUBJECT: SubjectMapping = { builtIn: namespacedSubject }

/** A function of the host is called within the bounds of `hostFunctions`. */
export function createMapSubject(
  mapping: SubjectMapping,
  identityProvider: string,
  hostFunctions: HostFunctions,
): MapSubject {
  if ('builtIn' in mapping) return mapping.builtIn
  const limited = hostFunctions.limit({ function: 'subject', identityProvider }, mapping.hostFunction)
  return Object.assign(limited, { isOfHost: true as const })
}

/** What the option `subject` says; undefined if it is absent, or after noting what is wrong with it. */
export function readSubjectMapping(reader: OptionReader): SubjectMapping | undefined {
  const option = reader.pattern('subject')
  if (option === undefined) return undefined
  if (option === 'raw') return RAW_SUBJECT
  if (option === 'namespaced') return NAMESPACED_SUBJECT
  if (typeof option === 'function') return { hostFunction: option as SubjectFunction }
  const template = typeof option === 'string' ? parseClaimTemplate(option) : undefined
  if (template !== undefined) return { builtIn: Object.assign(createTemplateMapping(template), { template }) }
  reader.problem('subject', `"raw", "namespaced", a function, or ${CLAIM_TEMPLATE}`)
  return undefined
}

function createTemplateMapping(template: ClaimTemplate): MapSubject {
  return ({ claims }) => fillClaimTemplate(template, claims)
}

/** Whether each identity provider has subjects of its own. */
export function isNamespaced(mapping: SubjectMapping): boolean {
  return mapping === NAMESPACED_SUBJECT
}

/** What every subject of an identity provider begins with, by the option; undefined if only a function knows. */
export function beginningOfSubjects(option: unknown, identityProvider: string): string | undefined {
  if (option === 'raw') return ''
  if (option === 'namespaced') return namespacedSubject({ identityProvider, sub: '' })
  return typeof option === 'string' ? parseClaimTemplate(option)?.head : undefined
}

export function rawSubject({ sub }: AssertionSubject): string {
  return sub
}

function namespacedSubject({ identityProvider, sub }: Pick<AssertionSubject, 'identityProvider' | 'sub'>): string {
  return `${identityProvider.replaceAll('%', '%25').replaceAll('|', '%7C')}|${sub}`
}
