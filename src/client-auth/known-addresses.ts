import type { Clock } from '../clock/clock.js'

const MAX_ADDRESSES_OF_CLIENT = 100
const MAX_ADDRESSES = 10_000

/**
 * The addresses from which each client authenticated recently. For one client, the least recently used address is forgotten
 * first. Over all clients, the addresses of the least recently used client are forgotten first. So one client cannot displace
 * single addresses of another.
 */
export class KnownAddresses {
  readonly #windowMs: number
  readonly #clock: Clock
  /** By client id, the least recently used first, and so within each: when the client came from there last. */
  readonly #clients = new Map<string, Map<string, number>>()
  #size = 0

  constructor(windowMs: number, clock: Clock) {
    this.#windowMs = windowMs
    this.#clock = clock
  }

  has(clientId: string, network: string): boolean {
    const usedAt = this.#clients.get(clientId)?.get(network)
    return usedAt !== undefined && this.#clock.monotonic() - usedAt < this.#windowMs
  }

  add(clientId: string, network: string): void {
    const networks = this.#clients.get(clientId) ?? new Map<string, number>()
    this.#size -= networks.size
    networks.delete(network)
    networks.set(network, this.#clock.monotonic())
    if (networks.size > MAX_ADDRESSES_OF_CLIENT) deleteFirst(networks)
    this.#size += networks.size
    this.#clients.delete(clientId)
    this.#clients.set(clientId, networks)
    while (this.#size > MAX_ADDRESSES) this.#forgetLongestUnused()
  }

  #forgetLongestUnused(): void {
    for (const [clientId, networks] of this.#clients) {
      this.#size -= 1
      deleteFirst(networks)
      if (networks.size === 0) this.#clients.delete(clientId)
      return
    }
  }
}

function deleteFirst<Key>(map: Map<Key, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
