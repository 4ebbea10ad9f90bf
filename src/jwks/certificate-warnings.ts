import type { Clock } from '../clock/clock.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'

const DAY = 86_400
const WARN_AHEAD = 30 * DAY

const NONE: ReadonlyMap<string, number> = new Map()

export interface ExpiringCertificate {
  /** Its subject, or what else tells operators which one it is. */
  subject: string
  /** Seconds since the epoch. */
  expiresAt: number
}

/** Warns of certificates that expire within 30 days, or have expired: once a day for each. */
export class CertificateWarnings {
  readonly #clock: Clock
  readonly #events: ExchangeEventEmitter
  /** Of the certificates that were checked last. */
  #warnedAt = NONE

  constructor({ clock, events }: { clock: Clock; events: ExchangeEventEmitter }) {
    this.#clock = clock
    this.#events = events
  }

  /** @param certificates all that there are: what is known of others is forgotten */
  check(certificates: readonly ExpiringCertificate[], identityProviders: readonly string[]): void {
    const now = this.#clock.now()
    const warnedAt = new Map<string, number>()
    for (const { subject, expiresAt } of certificates) {
      if (now < expiresAt - WARN_AHEAD) continue
      const certificate = printable(subject)
      const key = JSON.stringify([certificate, expiresAt])
      const before = warnedAt.get(key) ?? this.#warnedAt.get(key) ?? Number.NEGATIVE_INFINITY
      warnedAt.set(key, now < before + DAY ? before : now)
      if (now < before + DAY) continue
      for (const identityProvider of identityProviders) {
        this.#events.emit('certificate.expiring', { identityProvider, certificate, expiresAt })
      }
    }
    this.#warnedAt = warnedAt
  }
}
