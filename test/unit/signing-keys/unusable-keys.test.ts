import { describe, expect, it } from '@jest/globals'
import type { JWK } from 'jose'
import { checkAccessTokenOptions } from '../../../src/access-token/access-token-options.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { generateSigningKey } from '../../../src/signing-keys/signing-key.js'
import { RSA_CERTIFICATE_KEY } from '../../support/certificates.js'
import { generatePair } from '../../support/generate-pair.js'

function check(signingKeys: unknown, algorithm?: string) {
  const options = { audience: 'https://api.example.com', signingKeys, ...(algorithm !== undefined && { algorithm }) }
  const reader = new OptionReader(options)
  const settings = checkAccessTokenOptions(reader)
  reader.throwProblems()
  return settings.signingKeys
}

describe('a signing key that could not sign', () => {
  const good = generateSigningKey()
  it.each<[string, JWK]>([
    ['the private part of another key', { ...good, d: generateSigningKey().d ?? '' }],
    ['operations without signing', { ...good, key_ops: ['encrypt'] }],
    ['an empty kid', { ...good, kid: '' }],
  ])('is refused at creation: one with %s', (_, key) => {
    expect(() => check([key])).toThrow(expect.objectContaining({ name: 'ConfigError' }))
    expect(check([good]).active.kid).toBe(good.kid)
  })

  it('is not stood in for by the key behind it', () => {
    const retired = String(
      generatePair('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    )
    expect(() => check(`${retired.slice(0, 80)}\n${retired}`)).toThrow('not whole')
  })
})

describe('a retired key', () => {
  it('keeps its algorithm when another is chosen for the first key', () => {
    const active = String(
      generatePair('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    )
    const { keys } = check([active, RSA_CERTIFICATE_KEY], 'PS256').publicKeySet
    expect(keys.map(({ alg }) => alg)).toEqual(['PS256', 'RS256'])
  })
})
