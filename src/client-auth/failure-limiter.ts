import { hash } from 'node:crypto'
import type { Clock } from '../clock/clock.js'
import { TokenBucket } from '../clock/token-bucket.js'
import { printable } from '../errors/printable.js'
import type { TokenContext } from '../errors/rejections.js'
import { OAuthError } from '../oauth/errors.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { KnownAddresses, networkOf } from './failing-addresses.js'

/** Pairs of client id and address that are remembered, and client ids. */
const MAX_REMEMBERED = 10_000
/** How many of the longest unused are examined to choose the one to forget. */
const CANDIDATES = 100
/** One client id is allowed this many times `maxFailures` over all addresses. */
const SHARE_OF_ALL_ADDRESSES = 100

type Allowances = Map<string, TokenBucket>

/**
 * Counts failed authentications for each pair of client id and address, and for each client id over all addresses. A
 * success costs nothing, and an address that had one recently is exempt from the second limit: guesses from everywhere do
 * not lock the client out. When it remembers too many pairs, it looks at the longest unused ones and forgets the one with the
 * most allowance left. So made-up client ids do not flush the count of a client under attack. Requests without a client are
 * counted by their address alone.
 */
export class FailureLimiter {
  readonly #settings: FailureLimits
  readonly #clock: Clock
  readonly #ofPairs: Allowances = new Map()
  readonly #ofClientIds: Allowances = new Map()
  readonly #knownAddresses: KnownAddresses
  /** Of requests without a client: rejected assertions by address. */
  readonly #ofAddresses: Allowances = new Map()
  /** The remembered ids that belong to clients. */
  readonly #idsOfClients = new Set<string>()

  constructor(settings: FailureLimits, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    this.#knownAddresses = new KnownAddresses(settings.failureWindow * 1000, clock)
  }

  /** @throws OAuthError `temporarily_unavailable` with status 429 if no attempt is allowed now */
  checkAttempt(clientId: string, remoteAddress: string): void {
    const refusal = this.findRefusal(clientId, remoteAddress)
    if (refusal !== undefined) throw refusal
  }

  /** The refusal if no attempt is allowed now: `temporarily_unavailable` with status 429. */
  findRefusal(clientId: string, remoteAddress: string): OAuthError | undefined {
    const retryAfter = this.retryAfter(clientId, remoteAddress)
    if (retryAfter === undefined) return undefined
    const refusal = new OAuthError('temporarily_unavailable', 'Too many failed client authentications', {
      status: 429,
      reason: 'too_many_client_failures',
      headers: { 'Retry-After': String(retryAfter) },
    })
    refusal.context = this.describe(clientId, remoteAddress)
    return refusal
  }

  /** Seconds until one more attempt is allowed; undefined if it is allowed now. */
  retryAfter(clientId: string, remoteAddress: string): number | undefined {
    if (this.#ofPairs.size === 0) return undefined
    const network = networkOf(remoteAddress)
    const ofPair = this.#secondsUntilAllowed(this.#ofPairs.get(pairOf(clientId, network)), 1)
    if (ofPair !== undefined) return ofPair
    const everywhere = this.#secondsUntilAllowed(this.#ofClientIds.get(keyOf(clientId)), SHARE_OF_ALL_ADDRESSES)
    return everywhere !== undefined && this.#knownAddresses.has(clientId, network) ? undefined : everywhere
  }

  /** What an event says about an attempt that is not allowed. It has the id only if a client has it. */
  describe(clientId: string, remoteAddress: string): TokenContext {
    const isOfPair = isUsedUp(this.#ofPairs.get(pairOf(clientId, networkOf(remoteAddress))))
    return {
      ...(this.#idsOfClients.has(keyOf(clientId)) && { clientId: printable(clientId) }),
      ...(!isOfPair && {
        message: 'too many failures from all addresses together, and no recent success from this one',
      }),
    }
  }

  /** @param guesses how many secrets the attempt tried */
  countFailure(clientId: string, remoteAddress: string, isClient: boolean, guesses = 1): void {
    if (guesses === 0) return
    const key = keyOf(clientId)
    const charge = (allowance: TokenBucket) => allowance.take(guesses)
    this.#count(this.#ofPairs, pairOf(clientId, networkOf(remoteAddress)), { share: 1, charge })
    const forgotten = this.#count(this.#ofClientIds, key, { share: SHARE_OF_ALL_ADDRESSES, charge })
    if (forgotten !== undefined) this.#idsOfClients.delete(forgotten)
    if (isClient) this.#idsOfClients.add(key)
  }

  countSuccess(clientId: string, remoteAddress: string): void {
    this.#knownAddresses.add(clientId, networkOf(remoteAddress))
  }

  /**
   * For a request without a client.
   *
   * @throws OAuthError `temporarily_unavailable` with status 429 if no attempt from this address is allowed now
   */
  checkAddress(remoteAddress: string): void {
    if (this.#ofAddresses.size === 0) return
    const retryAfter = this.#secondsUntilAllowed(this.#ofAddresses.get(keyOf(networkOf(remoteAddress))), 1)
    if (retryAfter === undefined) return
    throw new OAuthError('temporarily_unavailable', 'Too many rejected assertions', {
      status: 429,
      reason: 'too_many_rejected_assertions',
      headers: { 'Retry-After': String(retryAfter) },
    })
  }

  /** What a burst spends beyond the allowance is owed. Otherwise each attempt that refills would let another burst pass. */
  countRejectedAssertion(remoteAddress: string): void {
    const charge = (allowance: TokenBucket) => allowance.owe(1)
    this.#count(this.#ofAddresses, keyOf(networkOf(remoteAddress)), { share: 1, charge })
  }

  /** @returns the key that was forgotten for it */
  #count(
    allowances: Allowances,
    key: string,
    { share, charge }: { share: number; charge: (allowance: TokenBucket) => void },
  ): string | undefined {
    const { maxFailures } = this.#settings
    const allowance = allowances.get(key) ?? new TokenBucket(maxFailures * share, this.#interval(share), this.#clock)
    charge(allowance)
    allowances.delete(key)
    allowances.set(key, allowance)
    return allowances.size > MAX_REMEMBERED ? forgetOne(allowances) : undefined
  }

  #secondsUntilAllowed(allowance: TokenBucket | undefined, share: number): number | undefined {
    if (allowance === undefined || !isUsedUp(allowance)) return undefined
    const missing = Math.max(1, 1 - allowance.available)
    return Math.ceil((this.#interval(share) * missing) / 1000)
  }

  /** Milliseconds until one more attempt is allowed again. */
  #interval(share: number): number {
    return (this.#settings.failureWindow * 1000) / (this.#settings.maxFailures * share)
  }
}

function isUsedUp(allowance: TokenBucket | undefined): boolean {
  return allowance !== undefined && allowance.available < 1
}

function forgetOne(allowances: Allowances): string {
  let most = Number.NEGATIVE_INFINITY
  let fullest = ''
  let looked = 0
  for (const [key, { available }] of allowances) {
    if (available > most) [most, fullest] = [available, key]
    looked += 1
    if (looked === CANDIDATES) break
  }
  allowances.delete(fullest)
  return fullest
}

/** Hashed, so that long ids take no more room. */
function pairOf(clientId: string, network: string): string {
  return keyOf(JSON.stringify([clientId, network]))
}

function keyOf(text: string): string {
  return hash('sha256', text, 'base64url')
}

/**
 * How clients authenticate: limits of failed attempts (RFC 6749 §2.3.1), and the accepted `aud` of client assertions.
 *
 * @example
 * const clientAuthentication: ClientAuthenticationOptions = { maxFailures: 100, failureWindow: 300 }
 */
export interface ClientAuthenticationOptions {
  /**
   * Failed authentications allowed for one client id from one address before 429, 1 to 1 000 000. For requests without a
   * client, the same number of rejected assertions is allowed from one address. From all addresses together, 100 times as many
   * failures of one client id are allowed. An address from which the client authenticated within `failureWindow` is exempt
   * from that second limit. The address is Express's `req.ip`: set `trust proxy` behind a proxy. An IPv6 /64 counts as one
   * address. Default: 500.
   */
  maxFailures?: number
  /** How long the full allowance takes to refill, in seconds, 1 to 86 400. It refills steadily. Default: 600. */
  failureWindow?: number
  /**
   * Whether an assertion that a client signs itself may have the URL of the token endpoint as its `aud`, for old clients. Such
   * an assertion is valid for every server to which that URL leads (rfc7523bis). Our `issuer` is always accepted. Default: false.
   */
  allowTokenEndpointAudience?: boolean
}

export type ClientAuthenticationSettings = Required<ClientAuthenticationOptions>
type FailureLimits = Pick<ClientAuthenticationSettings, 'maxFailures' | 'failureWindow'>

export function readClientAuthenticationOptions(reader: OptionReader): ClientAuthenticationSettings {
  const settings = {
    maxFailures: reader.integer('maxFailures', { min: 1, max: 1_000_000, default: 500, unit: 'failures' }),
    failureWindow: reader.integer('failureWindow', { min: 1, max: 86_400, default: 600, unit: 'seconds' }),
    allowTokenEndpointAudience: reader.boolean('allowTokenEndpointAudience', false),
  }
  reader.refuseUnknown()
  return settings
}
