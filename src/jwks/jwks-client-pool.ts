import type { JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { isInsecure } from '../option-checks/urls.js'
import type { KeyReading } from '../verification-keys/key-reading.js'
import { describeOwner, type KeyOwner } from '../verification-keys/key-source.js'
import { JwksClient, type JwksClientDeps } from './jwks-client.js'
import type { JwksEndpoint, JwksEndpointSettings } from './jwks-endpoint-options.js'

/** Where an owner has its keys, and who we are to it. */
export interface JwksSource {
  owner: KeyOwner
  alias: string
  jwksUri: string
  /** The issuer whose metadata are at `jwksUri` and say where its key set is; undefined: the key set is there itself. */
  metadataOf?: string | undefined
  connection: JwksConnectionSettings
  /** How the members of its key set are read; undefined: strictly. */
  reading?: KeyReading | undefined
}

interface ClientInUse {
  client: JwksClient
  endpoint: JwksEndpoint
  owners: KeyOwner[]
}

type JwksClientPoolDeps = Omit<JwksClientDeps, 'closing'>

/**
 * One JWKS client for each pair of alias and endpoint, as long as any configuration in force needs it. What happens to one of
 * them touches no other. Identity providers and clients never share one.
 */
export class JwksClientPool {
  readonly #closing = new AbortController()
  readonly #deps: JwksClientDeps
  #clients: ReadonlyMap<string, ClientInUse> = new Map()

  constructor(deps: JwksClientPoolDeps) {
    this.#deps = { ...deps, closing: this.#closing.signal }
  }

  /** Chooses the clients of a configuration to come. Nothing changes before `use`. */
  choose(settings: JwksEndpointSettings): ChosenJwksClients {
    return new ChosenJwksClients(settings, this.#clients, this.#deps)
  }

  /** Puts a choice into force. Clients that are in it keep their keys, and the others end. */
  use(chosen: ChosenJwksClients): void {
    const before = this.#clients
    this.#clients = chosen.clients
    for (const [pair, { client }] of before) if (!chosen.clients.has(pair)) client.end()
    for (const { client, endpoint, owners } of chosen.clients.values()) client.use(endpoint, owners)
    // So that a listener attached right after creation hears it.
    queueMicrotask(() => this.#warnOfInsecureHttp(chosen.insecureSources))
  }

  /** Ends fetches under way, and no other begins: neither by clients that ended before, nor by later ones. */
  close(): void {
    this.#closing.abort()
    for (const { client } of this.#clients.values()) client.end()
  }

  #warnOfInsecureHttp(sources: readonly JwksSource[]): void {
    for (const { owner, alias, jwksUri } of sources) {
      const event = { ...describeOwner(owner), alias, endpoint: new URL(jwksUri).href }
      this.#deps.events.emit('jwks.insecure_http', event)
    }
  }
}

/** The clients of one configuration: those that there are already, untouched, and new ones. */
export class ChosenJwksClients {
  readonly #settings: JwksEndpointSettings
  readonly #existing: ReadonlyMap<string, ClientInUse>
  readonly #deps: JwksClientDeps
  readonly #clients = new Map<string, ClientInUse>()
  readonly #insecureSources: JwksSource[] = []

  constructor(settings: JwksEndpointSettings, existing: ReadonlyMap<string, ClientInUse>, deps: JwksClientDeps) {
    this.#settings = settings
    this.#existing = existing
    this.#deps = deps
  }

  /** By alias and endpoint. */
  get clients(): ReadonlyMap<string, ClientInUse> {
    return this.#clients
  }

  /** Sources whose keys may come without TLS from another machine. */
  get insecureSources(): readonly JwksSource[] {
    return this.#insecureSources
  }

  clientFor(source: JwksSource): JwksClient {
    const { owner, alias, jwksUri, metadataOf, connection, reading } = source
    const url = new URL(jwksUri)
    if (mayBeInsecure(url, source)) this.#insecureSources.push(source)
    const pair = JSON.stringify([owner.kind, alias, jwksUri, metadataOf])
    const chosen = this.#clients.get(pair)
    if (chosen !== undefined) {
      chosen.owners.push(owner)
      return chosen.client
    }
    const endpoint = { url: url.href, metadataOf, connection, settings: this.#settings, reading }
    const client = this.#existing.get(pair)?.client ?? new JwksClient(alias, endpoint, this.#deps)
    this.#clients.set(pair, { client, endpoint, owners: [owner] })
    return client
  }
}

/** With metadata, `http` on this machine counts as well, because they may lead to another one. */
function mayBeInsecure(url: URL, { connection, metadataOf }: JwksSource): boolean {
  return connection.allowInsecureHttp && (isInsecure(url) || (url.protocol === 'http:' && metadataOf !== undefined))
}
