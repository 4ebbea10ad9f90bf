import { JwksClient, type JwksClientDeps } from './jwks-client.js'
import type { JwksConnectionSettings } from './jwks-connection-options.js'
import type { JwksEndpointSettings } from './jwks-endpoint-options.js'

/** Where an identity provider has its keys, and who we are to it. */
export interface JwksSource {
  identityProvider: string
  alias: string
  jwksUri: string
  connection: JwksConnectionSettings
}

/** One JWKS client for each pair of alias and endpoint. What happens to one of them touches no other. */
export class JwksClientPool {
  readonly #clients = new Map<string, JwksClient>()
  readonly #settings: JwksEndpointSettings
  readonly #deps: JwksClientDeps

  constructor(settings: JwksEndpointSettings, deps: JwksClientDeps) {
    this.#settings = settings
    this.#deps = deps
  }

  clientFor({ identityProvider, alias, jwksUri, connection }: JwksSource): JwksClient {
    const pair = JSON.stringify([alias, jwksUri])
    const client =
      this.#clients.get(pair) ??
      new JwksClient(alias, { url: new URL(jwksUri).href, connection, settings: this.#settings }, this.#deps)
    this.#clients.set(pair, client)
    client.addIdentityProvider(identityProvider)
    return client
  }

  close(): void {
    for (const client of this.#clients.values()) client.close()
  }
}
