import type { IdentityProviderOptions, JwtExchangeOptions } from '../../src/index.js'
import type { FakeIdentityProvider } from '../../src/testing/index.js'
import { type ExchangeHost, startExchangeHost } from './exchange-host.js'

/** A host that trusts these identity providers. Its `idp` is the given one, which closes with it. */
export async function startHostOfMany(
  idp: FakeIdentityProvider,
  identityProviders: readonly IdentityProviderOptions[],
  exchange: Partial<JwtExchangeOptions> = {},
): Promise<ExchangeHost> {
  const host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    exchange: { subject: 'namespaced', ...exchange, identityProviders },
  })
  const close = async () => {
    await host.close()
    await idp.close()
  }
  return { ...host, idp, close }
}
