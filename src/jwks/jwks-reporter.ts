import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter, ExchangeEvents } from '../events/exchange-events.js'
import type { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import type { KeySet } from '../verification-keys/key-set.js'
import type { CutKeySet, KeySourceStats } from '../verification-keys/key-source.js'
import type { SkippedKey } from '../verification-keys/usable-key.js'

type JwksEvent =
  | 'jwks.refreshed'
  | 'jwks.failed'
  | 'jwks.key_rejected'
  | 'jwks.key_set_cut'
  | 'jwks.stale'
  | 'jwks.recovered'
type Told<Name extends JwksEvent> = Omit<ExchangeEvents[Name], 'identityProvider' | 'alias' | 'endpoint'>

export interface JwksReporterDeps {
  events: ExchangeEventEmitter
  certificateWarnings: CertificateWarnings
}

/** Tells operators what becomes of one endpoint's key set, for each identity provider that has its keys there. */
export class JwksReporter {
  readonly #alias: string
  readonly #endpoint: string
  readonly #events: ExchangeEventEmitter
  #identityProviders: string[] = []
  readonly #certificateWarnings: CertificateWarnings
  #toldState: KeySourceStats['state'] = 'never'
  #toldVersion: string | undefined

  constructor(alias: string, endpoint: string, { events, certificateWarnings }: JwksReporterDeps) {
    this.#alias = alias
    this.#endpoint = endpoint
    this.#events = events
    this.#certificateWarnings = certificateWarnings
  }

  /** Does not tell again what another one for the same endpoint has told. */
  beginAs(other: JwksReporter): void {
    this.#toldState = other.#toldState
    this.#toldVersion = other.#toldVersion
  }

  addIdentityProvider(name: string): void {
    this.#identityProviders.push(name)
  }

  forgetIdentityProviders(): void {
    this.#identityProviders = []
  }

  /** @param version of the key set that they stand in: it is reported once of each */
  tellUnused(skipped: readonly SkippedKey[], cut: CutKeySet | undefined, version: string): void {
    if (version === this.#toldVersion) return
    this.#toldVersion = version
    if (cut !== undefined) this.#tell('jwks.key_set_cut', cut)
    for (const { kid, skipped: reason } of skipped) {
      this.#tell('jwks.key_rejected', { ...(kid !== undefined && { kid: printable(kid) }), reason })
    }
  }

  /** @param failedForMs undefined where the endpoint did not fail before */
  tellRefreshed(keySet: KeySet, told: Omit<Told<'jwks.refreshed'>, 'kids'>, failedForMs: number | undefined): void {
    this.#toldState = 'ok'
    this.#tell('jwks.refreshed', { ...told, kids: keySet.kids })
    if (failedForMs !== undefined) this.#tell('jwks.recovered', { failedForMs: Math.round(failedForMs) })
    this.#warnOfCertificates(keySet)
  }

  tellFailed(told: Told<'jwks.failed'>): void {
    this.#tell('jwks.failed', told)
  }

  /** Once when the old keys begin to serve, and once when half of the time for which they do is over. */
  tellStale(state: KeySourceStats['state'], keySetAgeMs: number, servesForMs: number): void {
    if (state === this.#toldState || (state !== 'stale' && state !== 'degraded')) return
    this.#toldState = state
    this.#tell('jwks.stale', { state, keySetAgeMs: Math.round(keySetAgeMs), servesForMs: Math.round(servesForMs) })
  }

  #tell<Name extends JwksEvent>(name: Name, told: Told<Name>): void {
    for (const identityProvider of this.#identityProviders) {
      const owner = { identityProvider, alias: this.#alias, endpoint: this.#endpoint }
      this.#events.emit(name, { ...owner, ...told } as unknown as ExchangeEvents[Name])
    }
  }

  #warnOfCertificates(keySet: KeySet): void {
    const certificates = keySet.stats().flatMap(({ kid = '', certificateExpiresAt: expiresAt }) => {
      return expiresAt === undefined ? [] : [{ subject: `x5c of the key ${kid}`, expiresAt }]
    })
    this.#certificateWarnings.check(certificates, this.#identityProviders)
  }
}
