import { isSameConnection } from '../guarded-fetch/connection-options.js'
import { isSameReading } from '../verification-keys/key-reading.js'
import { describeOwner, type KeyOwner } from '../verification-keys/key-source.js'
import { JwksClient, type JwksClientDeps } from './jwks-client.js'
import type { JwksEndpoint, JwksEndpointSettings } from './jwks-endpoint-options.js'
import { type JwksSource, mayBeInsecure } from './jwks-source.js'

/** A client that is in use until its lease ends. */
export interface JwksClientLease {
  client: JwksClient
  end(): void
}

interface LeasedClient {
  client: JwksClient
  endpoint: JwksEndpoint
  /** One for each lease. */
  owners: KeyOwner[]
}

/**
 * JWKS clients of identity providers that come and go one by one. As in the pool, there is one client for each pair of alias and
 * endpoint, but also for each way to connect: those who register identity providers do not know of each other.
 */
export class LeasedJwksClients {
  readonly #byPair = new Map<string, readonly LeasedClient[]>()
  readonly #deps: JwksClientDeps

  constructor(deps: JwksClientDeps) {
    this.#deps = deps
  }

  /** How many clients there are. */
  get size(): number {
    return [...this.#byPair.values()].reduce((sum, each) => sum + each.length, 0)
  }

  /** Existing clients keep their keys, and serve by the settings of the latest lease. */
  lease(source: JwksSource, settings: JwksEndpointSettings): JwksClientLease {
    const { owner, alias, jwksUri, metadataOf, connection, reading } = source
    const endpoint = { url: new URL(jwksUri).href, metadataOf, connection, settings, reading }
    const pair = JSON.stringify([owner.kind, alias, jwksUri, metadataOf])
    const leased = this.#findSame(pair, endpoint) ?? this.#add(pair, source, endpoint)
    leased.endpoint = endpoint
    leased.owners.push(owner)
    leased.client.use(endpoint, leased.owners)
    let isOver = false
    const end = () => {
      if (!isOver) this.#end(pair, leased, owner)
      isOver = true
    }
    return { client: leased.client, end }
  }

  endAll(): void {
    for (const { client } of [...this.#byPair.values()].flat()) client.end()
  }

  #findSame(pair: string, { connection, reading }: JwksEndpoint): LeasedClient | undefined {
    return this.#byPair
      .get(pair)
      ?.find(
        ({ endpoint }) => isSameConnection(endpoint.connection, connection) && isSameReading(endpoint.reading, reading),
      )
  }

  #add(pair: string, source: JwksSource, endpoint: JwksEndpoint): LeasedClient {
    const { owner, alias } = source
    const leased = { client: new JwksClient(alias, endpoint, this.#deps), endpoint, owners: [] }
    this.#byPair.set(pair, [...(this.#byPair.get(pair) ?? []), leased])
    if (mayBeInsecure(new URL(endpoint.url), source)) {
      this.#deps.events.emit('jwks.insecure_http', { ...describeOwner(owner), alias, endpoint: endpoint.url })
    }
    return leased
  }

  #end(pair: string, leased: LeasedClient, owner: KeyOwner): void {
    leased.owners.splice(leased.owners.indexOf(owner), 1)
    if (leased.owners.length > 0) {
      leased.client.use(leased.endpoint, leased.owners)
      return
    }
    const others = (this.#byPair.get(pair) ?? []).filter((each) => each !== leased)
    if (others.length > 0) this.#byPair.set(pair, others)
    else this.#byPair.delete(pair)
    leased.client.end()
  }
}
