import { ExchangeEventEmitter } from '../events/exchange-events.js'
import { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import { describeOwner, type KeyOwner } from '../verification-keys/key-source.js'
import { JwksClient, type JwksClientDeps } from './jwks-client.js'
import type { JwksEndpoint, JwksEndpointSettings } from './jwks-endpoint-options.js'
import { type JwksSource, mayBeInsecure } from './jwks-source.js'
import { type JwksClientLease, LeasedJwksClients } from './leased-jwks-clients.js'

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
  readonly #leased: LeasedJwksClients
  #clients: ReadonlyMap<string, ClientInUse> = new Map()

  constructor(deps: JwksClientPoolDeps) {
    this.#deps = { ...deps, closing: this.#closing.signal }
    this.#leased = new LeasedJwksClients(this.#deps)
  }

  /** A client for an identity provider that is in no configuration, until the lease ends. */
  lease(source: JwksSource, settings: JwksEndpointSettings): JwksClientLease {
    return this.#leased.lease(source, settings)
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

  /** Clients that share nothing with others and report nothing, for keys that are fetched to look at them. */
  createTrial(): { clients: LeasedJwksClients; certificateWarnings: CertificateWarnings } {
    const events = new ExchangeEventEmitter()
    const certificateWarnings = new CertificateWarnings({ clock: this.#deps.clock, events })
    return { clients: new LeasedJwksClients({ ...this.#deps, events, certificateWarnings }), certificateWarnings }
  }

  /** Ends fetches under way, and no other begins: neither by clients that ended before, nor by later ones. */
  close(): void {
    this.#closing.abort()
    for (const { client } of this.#clients.values()) client.end()
    this.#leased.endAll()
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
