import { printable } from '../errors/printable.js'
import type { KeySetOwner } from '../events/event-subjects.js'
import type { ExchangeEventEmitter, ExchangeEvents } from '../events/exchange-events.js'
import type { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import type { KeySet } from '../verification-keys/key-set.js'
import { type CutKeySet, describeOwner, type KeyOwner, type KeySourceStats } from '../verification-keys/key-source.js'
import type { SkippedKey } from '../verification-keys/usable-key.js'

type JwksEvent =
  | 'jwks.refreshed'
  | 'jwks.failed'
  | 'jwks.key_rejected'
  | 'jwks.key_set_cut'
  | 'jwks.stale'
  | 'jwks.recovered'
/** What an event says in addition to whose key set it is. */
type EventDetails<Name extends JwksEvent> = Omit<ExchangeEvents[Name], keyof KeySetOwner>

export interface JwksReporterDeps {
  events: ExchangeEventEmitter
  certificateWarnings: CertificateWarnings
}

/** Reports to operators what becomes of one endpoint's key set, for each owner that has its keys there. */
export class JwksReporter {
  readonly #alias: string
  readonly #endpoint: string
  readonly #events: ExchangeEventEmitter
  readonly #certificateWarnings: CertificateWarnings
  #owners: readonly KeyOwner[] = []
  #reportedState: KeySourceStats['state'] = 'never'
  #reportedVersion: string | undefined

  constructor(alias: string, endpoint: string, { events, certificateWarnings }: JwksReporterDeps) {
    this.#alias = alias
    this.#endpoint = endpoint
    this.#events = events
    this.#certificateWarnings = certificateWarnings
  }

  use(owners: readonly KeyOwner[]): void {
    this.#owners = owners
  }

  /** @param version of the key set that they are in: each version is reported once */
  reportUnused(skipped: readonly SkippedKey[], cut: CutKeySet | undefined, version: string): void {
    if (version === this.#reportedVersion) return
    this.#reportedVersion = version
    if (cut !== undefined) this.#emit('jwks.key_set_cut', cut)
    for (const { kid, skipped: reason } of skipped) {
      this.#emit('jwks.key_rejected', { ...(kid !== undefined && { kid: printable(kid) }), reason })
    }
  }

  /** @param failedForMs undefined if the endpoint did not fail before */
  reportRefreshed(
    keySet: KeySet,
    details: Omit<EventDetails<'jwks.refreshed'>, 'kids'>,
    failedForMs: number | undefined,
  ): void {
    this.#reportedState = 'ok'
    this.#emit('jwks.refreshed', { ...details, kids: keySet.kids })
    if (failedForMs !== undefined) this.#emit('jwks.recovered', { failedForMs: Math.round(failedForMs) })
    this.#warnOfCertificates(keySet)
  }

  reportFailed(details: EventDetails<'jwks.failed'>): void {
    this.#emit('jwks.failed', details)
  }

  /** Once when the old keys begin to serve, and once when half of the time for which they serve is over. */
  reportStale(state: KeySourceStats['state'], keySetAgeMs: number, servesForMs: number): void {
    if (state === this.#reportedState || (state !== 'stale' && state !== 'degraded')) return
    this.#reportedState = state
    this.#emit('jwks.stale', { state, keySetAgeMs: Math.round(keySetAgeMs), servesForMs: Math.round(servesForMs) })
  }

  #emit<Name extends JwksEvent>(name: Name, details: EventDetails<Name>): void {
    for (const owner of this.#owners) {
      const whose = { ...describeOwner(owner), alias: this.#alias, endpoint: this.#endpoint }
      this.#events.emit(name, { ...whose, ...details } as unknown as ExchangeEvents[Name])
    }
  }

  #warnOfCertificates(keySet: KeySet): void {
    const certificates = keySet.stats().flatMap(({ kid = '', certificateExpiresAt: expiresAt }) => {
      return expiresAt === undefined ? [] : [{ subject: `x5c of the key ${kid}`, expiresAt }]
    })
    this.#certificateWarnings.check(certificates, this.#owners)
  }
}
