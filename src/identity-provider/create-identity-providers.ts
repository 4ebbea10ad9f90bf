import type { Clock } from '../clock/clock.js'
import type { HostFunctions } from '../host-functions/host-functions.js'
import type { JwksClientPool } from '../jwks/jwks-client-pool.js'
import { createPolicy } from '../policy/policy.js'
import { createMapSubject } from '../policy/subject-mapping.js'
import { CertificateKeySource } from '../verification-keys/certificate-key-source.js'
import type { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import { FixedKeySource } from '../verification-keys/fixed-key-source.js'
import { KeySet } from '../verification-keys/key-set.js'
import type { VerificationKeySource } from '../verification-keys/key-source.js'
import type { IdentityProvider } from './identity-provider.js'
import type { IdentityProviderSettings } from './identity-provider-options.js'
import { TrustSwitch } from './trust-switch.js'

export interface IdentityProviderDeps {
  jwksClients: JwksClientPool
  clock: Clock
  hostFunctions: HostFunctions
  certificateWarnings: CertificateWarnings
  /** Those that there are already, by the names of identity providers. New ones are added, and none is taken away: requests may be under way. */
  trustSwitches: Map<string, TrustSwitch>
}

/** Gives each identity provider the source of its keys and its switch. */
export function createIdentityProviders(
  settings: readonly IdentityProviderSettings[],
  deps: IdentityProviderDeps,
): IdentityProvider[] {
  return settings.map((each) => {
    const { name, alias, audiences, scopes, lifetime, maxBeyondAssertion, types, profile, limits, policy, subject } =
      each

    return {
      name,
      alias,
      audiences,
      scopes,
      lifetime,
      maxBeyondAssertion,
      types,
      profile,
      limits,
      policy: createPolicy(policy, name, deps.hostFunctions),
      mapSubject: createMapSubject(subject, name, deps.hostFunctions),
      trust: trustIn(each, deps),
      keySource: keySourceOf(each, deps),
    }
  })
}

function trustIn({ name, enabled }: IdentityProviderSettings, { trustSwitches }: IdentityProviderDeps): TrustSwitch {
  const trust = trustSwitches.get(name) ?? new TrustSwitch()
  trust.configure(enabled)
  trustSwitches.set(name, trust)
  return trust
}

function keySourceOf(
  { name, alias, keys }: IdentityProviderSettings,
  { jwksClients, clock, certificateWarnings }: IdentityProviderDeps,
): VerificationKeySource {
  if (keys === undefined) return new FixedKeySource(new KeySet([])) // Of a disabled identity provider only.
  if ('jwksUri' in keys) return jwksClients.clientFor({ identityProvider: name, alias, ...keys })
  if ('keySet' in keys) return new FixedKeySource(keys.keySet)
  return new CertificateKeySource(keys.certificates, { identityProvider: name, clock, certificateWarnings })
}
