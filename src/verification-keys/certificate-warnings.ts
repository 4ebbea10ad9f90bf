import type { Clock } from '../clock/clock.js'
import { currentMoment, elapsedSince, type Moment, NEVER } from '../clock/clock.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'

/** Seconds. */
const WARN_AHEAD = 30 * 86_400
/** Milliseconds. */
const DAY = 86_400_000

const NONE: ReadonlyMap<string, Moment> = new Map()
/** Certificates of one identity provider that are remembered beside those that it has now. */
const MAX_BEFORE = 100

export interface ExpiringCertificate {
  /** Its subject, or what else tells operators which one it is. */
  subject: string
  /** Seconds since the epoch. */
  expiresAt: number
}

/** Warns of certificates that expire within 30 days, or have expired: once a day for each, whatever becomes of the options. */
export class CertificateWarnings {
  readonly #clock: Clock
  readonly #events: ExchangeEventEmitter
  /** By identity provider, when it was warned of each certificate within the last day, the latest ones at the end. */
  readonly #warnedAt = new Map<string, ReadonlyMap<string, Moment>>()

  constructor({ clock, events }: { clock: Clock; events: ExchangeEventEmitter }) {
    this.#clock = clock
    this.#events = events
  }

  /** @param certificates all that these have now */
  check(certificates: readonly ExpiringCertificate[], identityProviders: readonly string[]): void {
    const now = currentMoment(this.#clock)
    const expiring = certificates.filter(({ expiresAt }) => now.wall >= expiresAt - WARN_AHEAD)
    for (const identityProvider of identityProviders) this.#warn(identityProvider, expiring, now)
  }

  #warn(identityProvider: string, expiring: readonly ExpiringCertificate[], now: Moment): void {
    const before = this.#warnedAt.get(identityProvider) ?? NONE
    const warnedAt = new Map([...before].slice(-MAX_BEFORE).filter(([, at]) => !this.#isDayAgo(at)))
    for (const { subject, expiresAt } of expiring) {
      const certificate = printable(subject)
      const key = JSON.stringify([certificate, expiresAt])
      const lastAt = warnedAt.get(key) ?? before.get(key) ?? NEVER
      const isDue = this.#isDayAgo(lastAt)
      warnedAt.delete(key) // So that it comes last.
      warnedAt.set(key, isDue ? now : lastAt)
      if (isDue) this.#events.emit('certificate.expiring', { identityProvider, certificate, expiresAt })
    }
    if (warnedAt.size > 0) this.#warnedAt.set(identityProvider, warnedAt)
    else this.#warnedAt.delete(identityProvider)
  }

  #isDayAgo(moment: Moment): boolean {
    return elapsedSince(moment, this.#clock) >= DAY
  }
}
