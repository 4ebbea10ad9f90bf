import { type Clock, currentMoment, elapsedSince, type Moment, NEVER } from '../clock/clock.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { describeOwner, type KeyOwner } from './key-source.js'

/** Seconds. */
const WARN_AHEAD = 30 * 86_400
/** Milliseconds. */
const DAY = 86_400_000

const NONE: ReadonlyMap<string, Moment> = new Map()
/** Warnings about one owner's certificates that are remembered, in addition to those it has now. */
const MAX_REMEMBERED = 100

export interface ExpiringCertificate {
  /** Its subject, or another text by which operators know it. */
  subject: string
  /** Seconds since the epoch. */
  expiresAt: number
}

/** Warns of certificates that expire within 30 days or have expired: once a day for each, even if the options change. */
export class CertificateWarnings {
  readonly #clock: Clock
  readonly #events: ExchangeEventEmitter
  /** By owner: when each certificate was last warned of within the last day, the latest ones at the end. */
  readonly #warnedAt = new Map<string, ReadonlyMap<string, Moment>>()

  constructor({ clock, events }: { clock: Clock; events: ExchangeEventEmitter }) {
    this.#clock = clock
    this.#events = events
  }

  /** @param certificates all that these owners have now */
  check(certificates: readonly ExpiringCertificate[], owners: readonly KeyOwner[]): void {
    const now = currentMoment(this.#clock)
    const expiring = certificates.filter(({ expiresAt }) => now.wall >= expiresAt - WARN_AHEAD)
    if (expiring.length === 0 && this.#warnedAt.size === 0) return
    for (const owner of owners) this.#warn(owner, expiring, now)
  }

  #warn(owner: KeyOwner, expiring: readonly ExpiringCertificate[], now: Moment): void {
    const ownerKey = `${owner.kind} ${owner.name}`
    const before = this.#warnedAt.get(ownerKey) ?? NONE
    const warnedAt = new Map([...before].slice(-MAX_REMEMBERED).filter(([, at]) => !this.#isDayAgo(at)))
    for (const { subject, expiresAt } of expiring) {
      const certificate = printable(subject)
      const key = JSON.stringify([certificate, expiresAt])
      const lastAt = warnedAt.get(key) ?? before.get(key) ?? NEVER
      const isDue = this.#isDayAgo(lastAt)
      warnedAt.delete(key) // So that it comes last.
      warnedAt.set(key, isDue ? now : lastAt)
      if (isDue) this.#report(owner, certificate, expiresAt)
    }
    if (warnedAt.size > 0) this.#warnedAt.set(ownerKey, warnedAt)
    else this.#warnedAt.delete(ownerKey)
  }

  #report(owner: KeyOwner, certificate: string, expiresAt: number): void {
    const event = { ...describeOwner(owner), certificate, expiresAt }
    this.#events.emit('certificate.expiring', event)
  }

  #isDayAgo(moment: Moment): boolean {
    return elapsedSince(moment, this.#clock) >= DAY
  }
}
