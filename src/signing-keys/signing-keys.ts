import type { KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import type { SigningAlgorithm, SigningKey } from './signing-key.js'

/** Our keys. The active key signs; all keys are published and verify. */
export class SigningKeys {
  readonly active: ActiveSigningKey
  readonly #keys: ReadonlyMap<string, SigningKey>

  /** The `kid`s must differ. */
  constructor(active: ActiveSigningKey, retired: readonly SigningKey[]) {
    this.active = active
    this.#keys = new Map([active, ...retired].map((key) => [key.kid, key]))
  }

  find(kid: string | undefined): SigningKey | undefined {
    return kid === undefined ? undefined : this.#keys.get(kid)
  }

  /** RFC 7517 §5, public members only. */
  get publicKeySet(): { keys: JWK[] } {
    return { keys: [...this.#keys.values()].map((key) => key.publicJwk) }
  }
}

export interface ActiveSigningKey extends SigningKey {
  algorithm: SigningAlgorithm
  privateKey: KeyObject
}

export function isActiveSigningKey(key: SigningKey): key is ActiveSigningKey {
  return key.privateKey !== undefined
}
