import type { Policy } from '../policy/policy.js'
import type { MapSubject } from '../policy/subject-mapping.js'
import type { VerificationKeySource } from '../verification-keys/key-source.js'
import type { AssertionLimits } from './assertion-limits.js'
import type { TrustSwitch } from './trust-switch.js'

/** Which checks assertions must satisfy: the rules of RFC 7523 §3. */
export type AssertionProfileName = 'jwt-bearer'

/** A party whose assertions are accepted. */
export interface IdentityProvider {
  /** Its `iss`, compared exactly. */
  name: string
  /** The `aud` that it must put: who we are to it. */
  alias: string
  /** All accepted values of `aud`: the alias and what was configured beside it. */
  audiences: ReadonlySet<string>
  /** Whether it is trusted now: it can be switched off and on again at run time. */
  trust: TrustSwitch
  /** The most that its assertions can obtain; undefined: no bound. */
  scopes: ReadonlySet<string> | undefined
  /** Seconds, at most, of access tokens that are issued for its assertions; undefined: no bound of its own. */
  lifetime: number | undefined
  /** Seconds, at most, for which an access token may outlive its assertion; undefined: for the whole of its lifetime. */
  maxBeyondAssertion: number | undefined
  /** Accepted `typ` values beside none and `JWT`, in lower case, without `application/`. */
  types: ReadonlySet<string>
  profile: AssertionProfileName
  limits: AssertionLimits
  policy: Policy
  /** How the `sub` of its access tokens comes about. */
  mapSubject: MapSubject
  keySource: VerificationKeySource
}
