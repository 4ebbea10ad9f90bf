import type { KeyObject } from 'node:crypto'
import { TokenRejected } from '../errors/rejections.js'
import type { KeySet } from './key-set.js'
import type { KeyHeader, KeySourceStats, KeysAtOnce, VerificationKeySource } from './key-source.js'

/** Keys that were configured as a fixed `jwks`. */
export class FixedKeySource implements VerificationKeySource {
  readonly #keySet: KeySet

  constructor(keySet: KeySet) {
    this.#keySet = keySet
  }

  async requireKeys(header: KeyHeader): Promise<readonly KeyObject[]> {
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
