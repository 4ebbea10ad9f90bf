import type { VerificationKeySource } from '../jwks/verification-key-source.js'
import type { AssertionLimits } from './assertion-limits.js'

/** A party whose assertions are accepted. */
export interface IdentityProvider {
  /** Its `iss`, compared exactly. */
  name: string
  /** The `aud` that it must put: who we are to it. */
  alias: string
  /** All accepted values of `aud`: the alias and what was configured beside it. */
  audiences: ReadonlySet<string>
  enabled: boolean
  /** The most that its assertions can obtain; undefined: no bound. */
  scopes: ReadonlySet<string> | undefined
  /** Accepted `typ` values beside none and `JWT`, in lower case, without `application/`. */
  types: ReadonlySet<string>
  limits: AssertionLimits
  keySource: VerificationKeySource
}
