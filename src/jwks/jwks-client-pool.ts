import { isSameConnection, type JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { isInsecure } from '../option-checks/urls.js'
import { isSameReading, type KeyReading } from '../verification-keys/key-set.js'
import { JwksClient, type JwksClientDeps } from './jwks-client.js'
import type { JwksEndpointSettings } from './jwks-endpoint-options.js'

/** Where an identity provider has its keys, and who we are to it. */
export interface JwksSource {
  identityProvider: string
  alias: string
  jwksUri: string
  /** The issuer whose metadata stand at `jwksUri` and tell where its key set is; undefined: that is there itself. */
  metadataOf?: string | undefined
  connection: JwksConnectionSettings
  /** How the members of its key set are read; undefined: strictly. */
  reading?: KeyReading | undefined
}

interface PooledClient {
  client: JwksClient
  connection: JwksConnectionSettings
  reading: KeyReading | undefined
}

/** One JWKS client for each pair of alias and endpoint. What happens to one of them touches no other. */
export class JwksClientPool {
  readonly #pooled = new Map<string, PooledClient>()
  readonly settings: JwksEndpointSettings
  readonly #deps: JwksClientDeps
  #before: JwksClientPool | undefined
  /** Those of earlier pools that a request may have in use yet. */
  #retired: readonly WeakRef<JwksClient>[] = []

  /**
   * @param before in whose place this one comes: clients that are to stay as they were are taken over from it, and others
   *   for the same alias and endpoint begin with its keys, so that a change of options fetches nothing
   */
  constructor(settings: JwksEndpointSettings, deps: JwksClientDeps, before?: JwksClientPool) {
    this.settings = settings
    this.#deps = deps
    this.#before = before
  }

  clientFor(source: JwksSource): JwksClient {
    const pair = JSON.stringify([source.alias, source.jwksUri, source.metadataOf])
    const pooled = this.find(pair) ?? this.#takeOver(pair, source) ?? this.#create(pair, source)
    this.#pooled.set(pair, pooled)
    pooled.client.addIdentityProvider(source.identityProvider)
    this.#warnOfInsecureHttp(source)
    return pooled.client
  }

  /** To be called once all clients are there: of the pool before, those that were not taken over are retired. */
  complete(): void {
    const taken = new Set(this.all())
    const left = this.#before?.all().filter((client) => !taken.has(client)) ?? []
    for (const client of left) client.retire()
    this.#retired = [...(this.#before?.retired() ?? []), ...left].map((client) => new WeakRef(client))
    this.#before = undefined
  }

  /** @param pair alias and endpoint, as `clientFor` writes them */
  find(pair: string): PooledClient | undefined {
    return this.#pooled.get(pair)
  }

  all(): JwksClient[] {
    return [...this.#pooled.values()].map(({ client }) => client)
  }

  retired(): JwksClient[] {
    return this.#retired.flatMap((client) => client.deref() ?? [])
  }

  close(): void {
    for (const client of [...this.all(), ...this.retired()]) client.close()
  }

  /** In the next microtask, so that a listener attached right after creation hears it. */
  #warnOfInsecureHttp({ identityProvider, alias, jwksUri, metadataOf, connection }: JwksSource): void {
    const url = new URL(jwksUri)
    const mayBeInsecure = isInsecure(url) || (url.protocol === 'http:' && metadataOf !== undefined)
    if (!connection.allowInsecureHttp || !mayBeInsecure) return
    const owner = { identityProvider, alias, endpoint: url.href }
    queueMicrotask(() => this.#deps.events.emit('jwks.insecure_http', owner))
  }

  /** With the same settings, connection and reading. */
  #takeOver(pair: string, { connection, reading }: JwksSource): PooledClient | undefined {
    const pooled = this.#before?.find(pair)
    if (pooled === undefined || !isSameConnection(pooled.connection, connection)) return undefined
    if (!isSameReading(pooled.reading, reading)) return undefined
    if (JSON.stringify(this.#before?.settings) !== JSON.stringify(this.settings)) return undefined
    pooled.client.forgetIdentityProviders()
    return pooled
  }

  #create(pair: string, { alias, jwksUri, metadataOf, connection, reading }: JwksSource): PooledClient {
    const endpoint = { url: new URL(jwksUri).href, metadataOf, connection, settings: this.settings, reading }
    const client = new JwksClient(alias, endpoint, this.#deps)
    const before = this.#before?.find(pair)
    if (before !== undefined) client.beginAs(before.client)
    return { client, connection, reading }
  }
}
