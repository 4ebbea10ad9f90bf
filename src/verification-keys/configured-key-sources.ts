import type { KeyObject } from 'node:crypto'
import type { Clock } from '../clock/clock.js'
import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import type { Certificate } from './certificate.js'
import type { CertificateWarnings } from './certificate-warnings.js'
import type { KeySet } from './key-set.js'
import type { KeyHeader, KeyOwner, KeySourceStats, KeysAtOnce, VerificationKeySource } from './key-source.js'

/** Keys that were configured as a fixed `jwks`. */
export class FixedKeySource implements VerificationKeySource {
  readonly #keySet: KeySet

  constructor(keySet: KeySet) {
    this.#keySet = keySet
  }

  requireKeys(header: KeyHeader): readonly KeyObject[] {
    return this.requireKeysAtOnce(header).keys
  }

  requireKeysAtOnce(header: KeyHeader): KeysAtOnce {
    const keys = this.#keySet.find(header)
    if (keys.length === 0) throw new TokenRejected('unknown_key')
    return { keys, areCurrent: true }
  }

  refreshInBackground(): void {}

  async findNewerKeys(): Promise<readonly KeyObject[]> {
    return []
  }

  countFitting(header: KeyHeader): number {
    return this.#keySet.countFitting(header)
  }

  async warmUp(): Promise<void> {}

  async refreshKeys(): Promise<void> {}

  stats(): KeySourceStats {
    return { state: 'ok', kids: this.#keySet.kids, keys: this.#keySet.stats() }
  }
}

interface CertificateKeySourceDeps {
  owner: KeyOwner
  clock: Clock
  certificateWarnings: CertificateWarnings
}

/**
 * Keys that were configured as certificates. Several may overlap, so that their owner can change its key. The header's
 * `kid`, `x5c` and `x5t` choose nothing, because issuers name certificate keys as they like.
 */
export class CertificateKeySource implements VerificationKeySource {
  readonly #certificates: readonly Certificate[]
  readonly #deps: CertificateKeySourceDeps
  readonly #owners: readonly KeyOwner[]

  constructor(certificates: readonly Certificate[], deps: CertificateKeySourceDeps) {
    this.#certificates = certificates
    this.#deps = deps
    this.#owners = [deps.owner]
  }

  requireKeys(header: KeyHeader): readonly KeyObject[] {
    return this.requireKeysAtOnce(header).keys
  }

  requireKeysAtOnce(header: KeyHeader): KeysAtOnce {
    const now = this.#deps.clock.now()
    this.#warnBeforeExpiry()
    const valid = this.#validAt(now)
    if (valid.length === 0) throw new TokenRejected('certificate_expired')
    const keys = valid.flatMap(({ keySet }) => keySet.find({ alg: header.alg }))
    if (keys.length === 0) throw new TokenRejected('unknown_key')
    return { keys, areCurrent: true }
  }

  refreshInBackground(): void {}

  async findNewerKeys(): Promise<readonly KeyObject[]> {
    return []
  }

  countFitting({ alg }: KeyHeader): number {
    return this.#validAt(this.#deps.clock.now()).filter(({ keySet }) => keySet.countFitting({ alg }) > 0).length
  }

  async warmUp(): Promise<void> {
    this.#warnBeforeExpiry()
  }

  async refreshKeys(): Promise<void> {}

  stats(): KeySourceStats {
    const now = this.#deps.clock.now()
    const certificates = this.#certificates.map(({ subject, expiresAt }) => ({
      subject: printable(subject),
      expiresAt,
    }))
    return { state: this.#validAt(now).length > 0 ? 'ok' : 'down', kids: [], keys: [], certificates }
  }

  #validAt(now: number): Certificate[] {
    return this.#certificates.filter(({ validFrom, expiresAt }) => validFrom <= now && now < expiresAt)
  }

  #warnBeforeExpiry(): void {
    this.#deps.certificateWarnings.check(this.#certificates, this.#owners)
  }
}
