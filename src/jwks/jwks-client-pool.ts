import { JwksClient, type JwksClientDeps } from './jwks-client.js'
import type { JwksEndpointSettings } from './jwks-endpoint-options.js'

/** One JWKS client for each pair of alias and endpoint. What happens to one of them touches no other. */
export class JwksClientPool {
  readonly #clients = new Map<string, JwksClient>()
  readonly #settings: JwksEndpointSettings
  readonly #deps: JwksClientDeps

  constructor(settings: JwksEndpointSettings, deps: JwksClientDeps) {
    this.#settings = settings
    this.#deps = deps
  }

  clientFor(alias: string, endpoint: string): JwksClient {
    const pair = JSON.stringify([alias, endpoint])
    const existing = this.#clients.get(pair)
    if (existing !== undefined) return existing
    const client = new JwksClient(alias, endpoint, this.#settings, this.#deps)
    this.#clients.set(pair, client)
    return client
  }

  close(): void {
    for (const client of this.#clients.values()) client.close()
  }
}
