import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'
import type { AssertionLimits } from './assertion-limits.js'
import type { IdentityProvider } from './identity-provider.js'
import { EXACT, isTrimmed, isUsableName } from './identity-provider-name.js'

/** A name for defaults of an entry. Each of its options can still be set. */
export type ProfileName = 'jwt-bearer' | 'workload'

/** The defaults of an entry. */
export interface ProfileDefaults {
  /** Accepted values of `aud`; the first one is the alias. */
  recipients: readonly [alias: string, ...others: string[]]
  clientAuthentication: IdentityProvider['clientAuthentication']
  maxBeyondAssertion: number | undefined
  limits: AssertionLimits
}

/** What the defaults depend on. */
export interface ProfileContext {
  /** Our own issuer. */
  issuer: string
  tokenEndpoint: string
  /** The limits for all identity providers. */
  limits: AssertionLimits
}

/**
 * The Workload Authorization Grant draft §5.1: all claims are required, `aud` is one value, and nothing outlives the assertion.
 * These limits win over the top-level `assertion`, which must not weaken an entry that is meant to be strict.
 */
const WORKLOAD_LIMITS = { soleAudience: true, requireIat: true, requireJti: true, replay: 'once' } as const

/** What a caller without a client may obtain. */
const BOUNDING_OPTIONS = ['scopes', 'bindings', 'groupsToScopes']

/** Reads the option `profile`, and notes a problem if the entry's name does not fit it. */
export function readProfile(reader: OptionReader, { issuer, tokenEndpoint, limits }: ProfileContext): ProfileDefaults {
  const profile: ProfileName = reader.oneOf('profile', ['jwt-bearer', 'workload'], 'jwt-bearer')
  if (profile === 'jwt-bearer') {
    return { recipients: [tokenEndpoint], clientAuthentication: 'required', maxBeyondAssertion: undefined, limits }
  }
  checkNameOfWorkloads(reader)
  return {
    recipients: [issuer, tokenEndpoint],
    clientAuthentication: 'optional',
    maxBeyondAssertion: 0,
    limits: { ...limits, ...WORKLOAD_LIMITS },
  }
}

/** The accepted values of `aud`: with an alias, only that and `audiences`. */
export function readRecipients(
  reader: OptionReader,
  { recipients }: ProfileDefaults,
): Pick<IdentityProvider, 'alias' | 'audiences'> {
  const own = reader.has('alias') ? ([reader.string('alias', EXACT, isTrimmed)] as const) : recipients
  const further = reader.strings('audiences', EXACT, isTrimmed) ?? []
  return { alias: own[0], audiences: new Set([...own, ...further]) }
}

export function readClientAuthentication(
  reader: OptionReader,
  { clientAuthentication }: ProfileDefaults,
): IdentityProvider['clientAuthentication'] {
  const choice = reader.oneOf('clientAuthentication', ['required', 'optional'], clientAuthentication)
  if (choice === 'required' || BOUNDING_OPTIONS.some((name) => reader.isNamed(name))) return choice
  const names = BOUNDING_OPTIONS.map((name) => option(name)).join(', ')
  const why = `${option('clientAuthentication', 'optional')} lets callers without a client in, and nothing bounds their scopes`
  reader.missing(undefined, BOUNDING_OPTIONS, `${why}; set one of ${names}`)
  return choice
}

/** The draft §5.1: an `https` URL without query and fragment. */
function checkNameOfWorkloads(reader: OptionReader): void {
  const name = reader.value('name')
  if (!isUsableName(name) || (isSecureUrl(name) && !name.includes('?'))) return // Or it is a problem already.
  const needed = 'an https URL without query and fragment (http only on loopback)'
  const toDo = `set the options of that profile one by one instead`
  reader.problem('name', `${needed}, because of ${option('profile', 'workload')}; or ${toDo}`)
}
