import type { CryptoKey } from 'jose'
import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { printable } from '../events/printable.js'
import type { Certificate } from './certificate.js'
import type { KeyHeader, KeySourceStats, VerificationKeySource } from './verification-key-source.js'

const DAY = 86_400
const WARN_AHEAD = 30 * DAY

interface CertificateKeySourceDeps {
  identityProvider: string
  clock: Clock
  events: ExchangeEventEmitter
}

/**
 * The keys of an identity provider configured with certificates. Several may overlap, so that it can change its key.
 * The header's `kid`, `x5c` and `x5t` choose nothing: identity providers name certificate keys as they like.
 */
export class CertificateKeySource implements VerificationKeySource {
  readonly #certificates: readonly Certificate[]
  readonly #deps: CertificateKeySourceDeps
  readonly #warnedAt = new Map<Certificate, number>()

  constructor(certificates: readonly Certificate[], deps: CertificateKeySourceDeps) {
    this.#certificates = certificates
    this.#deps = deps
    // In the next microtask, so that a listener attached right after creation hears it.
    queueMicrotask(() => this.#warnBeforeExpiry(deps.clock.now()))
  }

  async findKeys(header: KeyHeader): Promise<readonly CryptoKey[]> {
    const now = this.#deps.clock.now()
    this.#warnBeforeExpiry(now)
    const valid = this.#validAt(now)
    if (valid.length === 0) throw new TokenRejected('certificate_expired')
    const keys = (await Promise.all(valid.map(({ keySet }) => keySet.find({ alg: header.alg })))).flat()
    if (keys.length === 0) throw new TokenRejected('unknown_key')
    return keys
  }

  async findNewerKeys(): Promise<readonly CryptoKey[]> {
    return []
  }

  async warmUp(): Promise<void> {
    this.#warnBeforeExpiry(this.#deps.clock.now())
  }

  stats(): KeySourceStats {
    const now = this.#deps.clock.now()
    const certificates = this.#certificates.map(({ subject, expiresAt }) => ({ subject, expiresAt }))
    return { state: this.#validAt(now).length > 0 ? 'ok' : 'down', kids: [], certificates }
  }

  #validAt(now: number): Certificate[] {
    return this.#certificates.filter(({ validFrom, expiresAt }) => validFrom <= now && now < expiresAt)
  }

  #warnBeforeExpiry(now: number): void {
    for (const certificate of this.#certificates) {
      const warnedAt = this.#warnedAt.get(certificate) ?? Number.NEGATIVE_INFINITY
      if (now < certificate.expiresAt - WARN_AHEAD || now < warnedAt + DAY) continue
      this.#warnedAt.set(certificate, now)
      this.#deps.events.emit('certificate.expiring', {
        identityProvider: this.#deps.identityProvider,
        certificate: printable(certificate.subject),
        expiresAt: certificate.expiresAt,
      })
    }
  }
}
