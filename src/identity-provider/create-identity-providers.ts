import type { Clock } from '../clock/clock.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { CertificateKeySource } from '../jwks/certificate-key-source.js'
import { FixedKeySource } from '../jwks/fixed-key-source.js'
import type { JwksClientPool } from '../jwks/jwks-client-pool.js'
import { KeySet } from '../jwks/key-set.js'
import type { VerificationKeySource } from '../jwks/verification-key-source.js'
import type { IdentityProvider } from './identity-provider.js'
import type { IdentityProviderSettings } from './identity-provider-options.js'

export interface IdentityProviderDeps {
  jwksClients: JwksClientPool
  clock: Clock
  events: ExchangeEventEmitter
}

/** Gives each identity provider the source of its keys. */
export function createIdentityProviders(
  settings: readonly IdentityProviderSettings[],
  deps: IdentityProviderDeps,
): IdentityProvider[] {
  return settings.map((each) => {
    const { keys, ...trust } = each
    return { ...trust, keySource: keySourceOf(trust, keys, deps) }
  })
}

function keySourceOf(
  { name, alias }: Pick<IdentityProvider, 'name' | 'alias'>,
  keys: IdentityProviderSettings['keys'],
  { jwksClients, clock, events }: IdentityProviderDeps,
): VerificationKeySource {
  if (keys === undefined) return new FixedKeySource(new KeySet([])) // Of a disabled identity provider only.
  if ('jwksUri' in keys) return jwksClients.clientFor({ identityProvider: name, alias, ...keys })
  if ('keySet' in keys) return new FixedKeySource(keys.keySet)
  return new CertificateKeySource(keys.certificates, { identityProvider: name, clock, events })
}
