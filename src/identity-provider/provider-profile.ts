import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'
import type { AssertionLimits } from './assertion-limits.js'
import { isUsableName } from './identity-provider-name.js'

/** A name for defaults of an entry. Each of its options can still be set. */
export type ProfileName = 'jwt-bearer' | 'workload'

/** What an entry has unless its own options say otherwise. */
export interface ProfileDefaults {
  /** Accepted values of `aud`; the first one is the alias. */
  recipients: readonly [alias: string, ...others: string[]]
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
 * They also replace what is set for all identity providers, which must not weaken an entry that was meant to be strict.
 */
const WORKLOAD_LIMITS = { soleAudience: true, requireIat: true, requireJti: true, replay: 'once' } as const

/** Reads the option `profile`, and notes a problem if the entry's name does not fit it. */
export function readProfile(reader: OptionReader, { issuer, tokenEndpoint, limits }: ProfileContext): ProfileDefaults {
  const profile: ProfileName = reader.oneOf('profile', ['jwt-bearer', 'workload'], 'jwt-bearer')
  if (profile === 'jwt-bearer') return { recipients: [tokenEndpoint], maxBeyondAssertion: undefined, limits }
  checkNameOfWorkloads(reader)
  return { recipients: [issuer, tokenEndpoint], maxBeyondAssertion: 0, limits: { ...limits, ...WORKLOAD_LIMITS } }
}

/** The draft §5.1: an `https` URL without query and fragment. */
function checkNameOfWorkloads(reader: OptionReader): void {
  const name = reader.value('name')
  if (!isUsableName(name) || (isSecureUrl(name) && !name.includes('?'))) return // Or it is a problem already.
  const needed = 'an https URL without query and fragment (http only on loopback)'
  const toDo = `set the options of that profile one by one instead`
  reader.problem('name', `${needed}, because of ${option('profile', 'workload')}; or ${toDo}`)
}
