import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'

type KeyType = 'rsa' | 'ec' | 'ed25519' | 'ed448' | 'x25519'

/**
 * A key pair that can be exported as JWK at any time: in Node 20 that export of a generated key itself can deadlock, when
 * a garbage collection meanwhile ends the job that generated it.
 */
export function generatePair(type: KeyType, options: object = {}): { publicKey: KeyObject; privateKey: KeyObject } {
  const pair = generateKeyPairSync(type as 'rsa', options as { modulusLength: number })
  return {
    publicKey: createPublicKey(pair.publicKey.export({ format: 'pem', type: 'spki' })),
    privateKey: createPrivateKey(pair.privateKey.export({ format: 'pem', type: 'pkcs8' })),
  }
}
