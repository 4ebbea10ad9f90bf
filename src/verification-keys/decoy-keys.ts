import type { UnverifiedJws } from '../jwt/parse-jwt.js'
import { isSignedBy } from '../jwt/signatures.js'
import { type KeySet, readKeySet } from './key-set.js'

/** One public key of each kind. The private keys were thrown away, so no signature matches. */
const DECOYS = [
  {
    kty: 'RSA',
    n: 'xQWi5JEiWIqHzLfeQBVvHxuu1QnCKTfA4999o9fPKMWMJ-WIcrmQ4AcltUXMK6fjk2C-QVuaJuUpj5SKgjRnXmwcmBjIHRLE5Z3SyE-McxWeOgJIzCED-USV6scQWFNsT4KQ7AWNRQ5DAqE2T6iHf3QfICMOdjSh9B3XNgsdsbjQjZVDgNh71NyVvgtrbSDUjIsygS2EfZut7oyuK59A_67TnpUruUGymi6zqy9DxCziqFkXW1130hmBkyY_41B6Lw2xHwFJluQa7TB1qhM8BNjQQArk3C9V3GXarF7HekllZ5LXL6zjfgL9G92wghU0Ia3-i6u9JcELNYeQTwUSsQ',
    e: 'AQAB',
  },
  {
    kty: 'EC',
    crv: 'P-256',
    x: 'D66rQ6kLmlbeFNapLFzF8i93OIUwNRZFwqGOapStjhw',
    y: 'goZGkMDnUztSfWZPiSCej8B0yYRDaLYqIgfCrcMnXN0',
  },
  {
    kty: 'EC',
    crv: 'P-384',
    x: 'Nj80B_JHyFSxwE7_xS1Lf7QaR_UsKUGaWbJgqDSo1SKcsZ5XKoX8RQbm7m867JsG',
    y: 'KYvuVzYBm54BvY8UU6pg-V4QT72cUQsOVTAWAehMjWHAm8EZNVXUU-g5fHvGnZ1z',
  },
  {
    kty: 'EC',
    crv: 'P-521',
    x: 'AAoHz-KGEqB6iLWfDNh9WM4roFeA0IOQ71ydPDMbTBI28JwDMFXQSOus2TboAn-QbfIQ3wTh36kremR6MQiKj5c_',
    y: 'ALrAtWqFFdza4_QzBnqCBBU-Tx2_s0TSR1Fm9X4fVugIDfAbDn-0kba2SxF0OO_SsTC5ZmL0_aG9pXEGTQClKtVP',
  },
  { kty: 'OKP', crv: 'Ed25519', x: 'QzUVgLBEu3bosahFaEbWfpup5o5gjUqKy__tKDGbauc' },
]

/** Read once, for all exchanges: that takes milliseconds. */
let decoyKeySet: KeySet | undefined

/** Keys for a verification that takes as long as a real one, and whose result is not used. */
export class DecoyKeys {
  readonly #keySet: KeySet | undefined

  constructor() {
    decoyKeySet ??= readKeySet(DECOYS).keySet
    this.#keySet = decoyKeySet
  }

  /** Verifies with a decoy key that fits the algorithm, so that a refusal takes as long as for a wrong signature. */
  async verify(jws: UnverifiedJws): Promise<void> {
    const [key] = this.#keySet?.find({ alg: jws.header.alg, x5t: undefined, x5tS256: undefined }) ?? []
    if (key !== undefined) await isSignedBy(key, jws)
  }
}
