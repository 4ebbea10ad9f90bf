import type { Clock } from '../clock/clock.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { Revocation, RevocationKind } from './revocation-store.js'

/** What a revocation can name in an access token of ours. */
export interface RevocableToken {
  sub: string
  clientId: string | undefined
  identityProvider?: string | undefined
  /** The `jti`. */
  tokenId: string | undefined
  payload: Readonly<Record<string, unknown>>
}

interface Entry {
  kind: RevocationKind
  value: string
  /** Seconds since the epoch; infinite for one token. */
  issuedBefore: number
  /** Milliseconds on the monotonic clock, from when on it is not needed. */
  endsAt: number
}

/** Milliseconds: entries that end within one of these are forgotten together. */
const SPAN = 60_000

/**
 * The revocations that this process knows, looked up by what an access token says. An entry ends by the monotonic clock: a
 * wall clock that steps ahead and back must not make a revoked token valid again.
 */
export class RevocationIndex {
  readonly #clock: Clock
  readonly #maxEntries: number
  readonly #entries: Readonly<Record<RevocationKind, Map<string, Entry>>> = {
    token: new Map(),
    subject: new Map(),
    client: new Map(),
    identity_provider: new Map(),
  }
  /** By the span in which they end. */
  readonly #ending = new Map<number, Entry[]>()

  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock
    this.#maxEntries = maxEntries
  }

  /** How many it has, including some that have just ended. */
  get size(): number {
    const { token, subject, client, identity_provider: identityProvider } = this.#entries
    return token.size + subject.size + client.size + identityProvider.size
  }

  /** From 0 to 1. */
  get fillLevel(): number {
    return this.size / this.#maxEntries
  }

  isRevoked({ tokenId, sub, clientId, identityProvider, payload }: RevocableToken): boolean {
    const { token, subject, client, identity_provider: ofIdentityProvider } = this.#entries
    if (tokenId !== undefined && token.has(tokenId)) return true
    return (
      isIssuedBefore(subject.get(sub), payload) ||
      (clientId !== undefined && isIssuedBefore(client.get(clientId), payload)) ||
      (identityProvider !== undefined && isIssuedBefore(ofIdentityProvider.get(identityProvider), payload))
    )
  }

  /**
   * Adds one. Of two cut-offs with one value the later one counts.
   *
   * @throws DependencyUnavailable `revocation_store_full`
   */
  add({ kind, value, issuedBefore, expiresAt }: Revocation): void {
    const remaining = (expiresAt - this.#clock.now()) * 1000
    if (!(remaining > 0)) return
    const entries = this.#entries[kind]
    const known = entries.get(value)
    if (known === undefined && this.size >= this.#maxEntries) throw indexFull()
    const entry: Entry = {
      kind,
      value,
      issuedBefore: Math.max(known?.issuedBefore ?? 0, issuedBefore ?? Number.POSITIVE_INFINITY),
      endsAt: Math.max(known?.endsAt ?? 0, this.#clock.monotonic() + remaining),
    }
    const span = spanOf(entry)
    if (known?.issuedBefore === entry.issuedBefore && spanOf(known) === span) return
    entries.set(value, entry)
    const ending = this.#ending.get(span)
    if (ending === undefined) this.#ending.set(span, [entry])
    else ending.push(entry)
  }

  /** Forgets what has ended. To be called now and then. */
  purge(): void {
    const current = Math.floor(this.#clock.monotonic() / SPAN)
    for (const [span, ending] of this.#ending) {
      if (span >= current) continue
      for (const entry of ending) {
        const entries = this.#entries[entry.kind]
        if (entries.get(entry.value) === entry) entries.delete(entry.value)
      }
      this.#ending.delete(span)
    }
  }
}

function spanOf({ endsAt }: Entry): number {
  return Math.floor(endsAt / SPAN)
}

/** A token without an `iat` that can be compared is refused, too. */
function isIssuedBefore(entry: Entry | undefined, payload: RevocableToken['payload']): boolean {
  if (entry === undefined) return false
  const issuedAt = ownMember(payload, 'iat')
  return !(typeof issuedAt === 'number' && issuedAt >= entry.issuedBefore)
}

export function indexFull(): DependencyUnavailable {
  return new DependencyUnavailable('revocation_store_full', { retryAfter: 30 })
}
