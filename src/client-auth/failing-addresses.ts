import { hash } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'
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

/** Longer than any address. */
const MAX_ADDRESS_LENGTH = 64
/** An address as some proxies put it into `X-Forwarded-For`: with a port, in brackets, with a zone. */
const WITH_PORT = /^\[?([^[\]]+?)\]?(?::\d{1,5})?$/
/** The first six groups of IPv6 addresses that stand for the IPv4 address in the last two (RFC 4291, 6052, 7915). */
const MAPPED = ['0:0:0:0:0:ffff', '0:0:0:0:ffff:0', '64:ff9b:0:0:0:0']
const COMPATIBLE = '0:0:0:0:0:0'
/** 6to4, whose next two groups are the IPv4 address of the site (RFC 3056). */
const SIX_TO_FOUR = 0x2002

/**
 * What counts as one address: an IPv4 address, however it is written, or the /64 of an IPv6 address, because one customer
 * has at least that. Anything else is itself.
 */
export function networkOf(address: string): string {
  if (isIPv4(address)) return address
  const bare = stripPort(address.slice(0, MAX_ADDRESS_LENGTH + 1))
  if (isIPv4(bare)) return bare
  if (isIPv6(bare)) return networkOfIPv6(groupsOf(bare))
  return address.length <= MAX_ADDRESS_LENGTH ? address : hash('sha256', address, 'base64url')
}

function stripPort(address: string): string {
  const isPlainIPv6 = isIPv6(address)
  const bare = isPlainIPv6 ? address : (WITH_PORT.exec(address)?.[1] ?? address)
  return bare.split('%', 1)[0] ?? ''
}

function networkOfIPv6(groups: readonly number[]): string {
  const [first, second = 0, third = 0, , , , seventh = 0, eighth = 0] = groups
  const prefix = groups.slice(0, 6).map(toHex).join(':')
  // `::` and `::1` are not IPv4 addresses.
  const isCompatible = prefix === COMPATIBLE && (seventh > 0 || eighth > 1)
  if (MAPPED.includes(prefix) || isCompatible) return toIPv4(seventh, eighth)
  if (first === SIX_TO_FOUR) return toIPv4(second, third)
  return `${groups.slice(0, 4).map(toHex).join(':')}::/64`
}

/** The eight groups of an address that is valid. */
function groupsOf(address: string): number[] {
  const [head = [], tail] = address.split('::').map((half) => splitGroups(half))
  if (tail === undefined) return [...head]
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

function splitGroups(text: string): number[] {
  return text.split(':').flatMap((group) => {
    if (group === '') return []
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

function toIPv4(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function toHex(group: number): string {
  return group.toString(16)
}
