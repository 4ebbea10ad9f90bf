import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { readAccessTokenOptions } from '../../../src/access-token/access-token-options.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { generateSigningKey } from '../../../src/signing-keys/signing-keys.js'

const pemOf = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'pem', type: 'sec1' }).toString()

function publishedBy(signingKeys: unknown) {
  const reader = new OptionReader({ audience: 'https://api.example.com', signingKeys })
  const settings = readAccessTokenOptions(reader)
  reader.throwProblems()
  return settings.signingKeys?.publicKeySet.keys
}

describe('signing keys in PEM', () => {
  it('may stand in one text, and each is published', () => {
    expect(publishedBy(pemOf('P-256') + pemOf('P-256'))).toHaveLength(2)
    expect(publishedBy([pemOf('P-256'), pemOf('P-256') + pemOf('P-256')])).toHaveLength(3)
  })

  it('may stand behind their parameters, as openssl writes them', () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
    expect(publishedBy(parameters + pemOf('P-256'))).toMatchObject([{ kty: 'EC', alg: 'ES256' }])
  })
})

describe('a signing key', () => {
  it('for encryption is refused', () => {
    expect(() => publishedBy([{ ...generateSigningKey(), use: 'enc' }])).toThrow('not for signatures')
  })
})
