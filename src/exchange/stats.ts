import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import type { LookupStats } from '../identity-provider-lookup/source-health.js'
import type { RevocationStats } from '../revocation/revocations.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import type { ConfigurationStats } from './configuration.js'
import type { LastingParts } from './lasting-parts.js'
import type { TriedIdentityProvider } from './try-registration.js'

/** Statistics for operators. They name the identity providers, so do not publish them. */
export interface JwtExchangeStats {
  identityProviders: readonly IdentityProviderStats[]
  config: ConfigurationStats
  /** Lookups in `identityProviderStore` or by `findIdentityProvider`. Absent without them. */
  identityProviderLookup?: LookupStats
  /** What this process knows of revocations. Absent without the option `revocation`. */
  revocation?: RevocationStats
}

/** One identity provider, and the state of its keys. */
export interface IdentityProviderStats extends KeySourceStats {
  /** The option `id`, or the `name`: what events and access tokens call it. */
  id: string
  /** Its `iss`. */
  name: string
  alias: string
  enabled: boolean
  /** `options`: it is in `identityProviders`. `run_time`: it was looked up, and is kept ready. */
  source: 'options' | 'run_time'
}

export function statsOfAll(
  registry: IdentityProviderRegistry,
  configuration: { stats(): ConfigurationStats },
  { identityProviderLookup: lookup, revocations }: LastingParts,
): JwtExchangeStats {
  return {
    identityProviders: registry.all().map(statsOf),
    config: configuration.stats(),
    ...(lookup !== undefined && { identityProviderLookup: lookup.stats() }),
    ...(revocations !== undefined && { revocation: revocations.stats() }),
  }
}

export function statsOf({ id, name, alias, trust, source, keySource }: IdentityProvider): IdentityProviderStats {
  return { id, name, alias, enabled: trust.isOn, source, ...keySource.stats() }
}

export function statsOfTried({
  settings: { id, name, alias, enabled },
  keys,
}: TriedIdentityProvider): IdentityProviderStats {
  return { id, name, alias, enabled, source: 'run_time', ...keys }
}
