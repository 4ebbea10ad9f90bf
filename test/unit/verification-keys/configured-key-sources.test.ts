import { createPublicKey } from 'node:crypto'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { exportJWK } from 'jose'
import { isTokenRejected } from '../../../src/errors/rejections.js'
import { ExchangeEventEmitter, type ExchangeEvents } from '../../../src/events/exchange-events.js'
import { readAssertionLimits } from '../../../src/identity-provider/assertion-limits.js'
import { readIdentityProviderOptions } from '../../../src/identity-provider/identity-provider-options.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import {
  type Certificate,
  findIssuingCertificate,
  readCertificates,
} from '../../../src/verification-keys/certificate.js'
import { CertificateWarnings } from '../../../src/verification-keys/certificate-warnings.js'
import { CertificateKeySource } from '../../../src/verification-keys/configured-key-sources.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AUTHORITY_CERTIFICATE, ISSUED_CERTIFICATE, RENEWED_CERTIFICATE } from '../../support/certificate-chain.js'
import {
  EC_CERTIFICATE,
  EXPIRED_CERTIFICATE,
  NAMELESS_CERTIFICATE,
  POINT_AT_INFINITY,
  RSA_CERTIFICATE,
  RSA_CERTIFICATE_KEY,
  withoutEnd,
  withPublicKey,
} from '../../support/certificates.js'
import { encode } from '../../support/ed25519-curve.js'
import { generatePair } from '../../support/generate-pair.js'

const DAY = 86_400
const [FROM_2020, FROM_2021, FROM_2024, FROM_2100] = [2020, 2021, 2024, 2100].map((year) => Date.UTC(year) / 1000) as [
  number,
  number,
  number,
  number,
]
const publicJwkOf = (pem: string) => createPublicKey(pem).export({ format: 'jwk' })

const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')
const spkiOfEd25519 = (bytes: Buffer) => Buffer.concat([ED25519_SPKI, bytes])
const evenModulus = Buffer.from(createPublicKey(RSA_CERTIFICATE_KEY).export({ format: 'der', type: 'spki' }))
evenModulus[evenModulus.length - 6] = 0 // The last byte of the modulus: the exponent 65 537 takes five bytes after it.

function read(pem: string): Certificate[] {
  const certificates = readCertificates(pem)
  if (certificates === undefined) throw new Error('not readable')
  return certificates
}

describe('a certificate', () => {
  it('is read with subject, dates and key', async () => {
    const [certificate] = read(RSA_CERTIFICATE)
    expect(certificate).toMatchObject({ subject: 'CN=RSA until 2100', validFrom: FROM_2024, expiresAt: FROM_2100 })
    const [key] = (await certificate?.keySet.find({ alg: 'RS256' })) ?? []
    expect(key && (await exportJWK(key))).toMatchObject(publicJwkOf(RSA_CERTIFICATE_KEY))
  })

  it('may have an Ed25519 key', () => {
    const { publicKey } = generatePair('ed25519')
    const pem = withPublicKey(EC_CERTIFICATE, publicKey.export({ format: 'der', type: 'spki' }))
    expect(read(pem)[0]?.keySet.stats()).toEqual([{ algorithms: ['EdDSA', 'Ed25519'] }])
  })

  it('may have no subject', () => {
    expect(read(NAMELESS_CERTIFICATE)).toMatchObject([{ subject: '', expiresAt: FROM_2100 }])
  })

  it('may stand beside others and other text', () => {
    const text = `Bag Attributes: none\n${RSA_CERTIFICATE}\nsubject=x\n${EC_CERTIFICATE.replaceAll('\n', '\r\n')}`
    expect(read(text).map(({ subject }) => subject)).toEqual(['CN=RSA until 2100', 'CN=P-256 until 2100'])
  })

  it.each<[string, string]>([
    ['nothing', ''],
    ['a private key', RSA_CERTIFICATE_KEY],
    ['a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
    ['a good one and a broken one', `${RSA_CERTIFICATE}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`],
    ['one with the point at infinity', withPublicKey(EC_CERTIFICATE, POINT_AT_INFINITY)],
    ['one with an Ed25519 key of small order', withPublicKey(EC_CERTIFICATE, spkiOfEd25519(Buffer.alloc(32)))],
    ['one with an Ed25519 key off the curve', withPublicKey(EC_CERTIFICATE, spkiOfEd25519(encode(2n, 0n)))],
    ['one with an even RSA modulus', withPublicKey(RSA_CERTIFICATE, evenModulus)],
    ['one whose end is no date', withoutEnd(EXPIRED_CERTIFICATE)],
    ['half of one', RSA_CERTIFICATE.slice(0, 400)],
    ['a good one and half of one', `${RSA_CERTIFICATE}\n${EC_CERTIFICATE.slice(0, 200)}`],
    ['one and a private key', `${RSA_CERTIFICATE}\n${RSA_CERTIFICATE_KEY}`],
  ])('is not read from %s', (_, text) => expect(readCertificates(text)).toBeUndefined())
})

describe('a chain', () => {
  it('is told by the certificate that issued another certificate, whatever the order', () => {
    const chain = read(`${ISSUED_CERTIFICATE}\n${AUTHORITY_CERTIFICATE}`)
    expect(findIssuingCertificate(chain)?.subject).toBe('CN=Authority')
    expect(findIssuingCertificate(chain.toReversed())?.subject).toBe('CN=Authority')
  })

  it('is not what self-signed certificates of one name are', () => {
    expect(findIssuingCertificate(read(`${AUTHORITY_CERTIFICATE}\n${RENEWED_CERTIFICATE}`))).toBeUndefined()
    expect(findIssuingCertificate(read(`${AUTHORITY_CERTIFICATE}\n${AUTHORITY_CERTIFICATE}`))).toBeUndefined()
  })

  it('is refused as the certificates of an identity provider', () => {
    const options = {
      name: 'https://idp.example.com',
      allowedSubjects: 'any',
      certificates: [ISSUED_CERTIFICATE, AUTHORITY_CERTIFICATE],
    }
    const reader = new OptionReader(options)
    const limits = readAssertionLimits(new OptionReader({}))
    readIdentityProviderOptions(reader, {
      issuer: 'https://us',
      tokenEndpoint: 'https://us/token',
      limits,
      jwksEndpoint: { enable: true, maxKeys: 100 },
      audiences: new Set(),
      clientIds: new Set(),
      subject: undefined,
    })
    expect(() => reader.throwProblems()).toThrow(
      '"CN=Authority" issued another certificate of the list; leave out the chain',
    )
  })
})

describe('the keys of certificates', () => {
  let clock: AdjustableClock
  let warnings: ExchangeEvents['certificate.expiring'][]
  let events: ExchangeEventEmitter

  beforeEach(() => {
    clock = new AdjustableClock()
    warnings = []
    events = new ExchangeEventEmitter()
    events.on('certificate.expiring', (event) => warnings.push(event))
  })

  const sourceOf = (...pems: string[]) =>
    new CertificateKeySource(pems.flatMap(read), {
      owner: { kind: 'identity_provider', name: 'https://idp.example.com' },
      clock,
      certificateWarnings: new CertificateWarnings({ clock, events }),
    })
  /** The key types found, or the reason why there are none. */
  const outcomeOf = async (source: CertificateKeySource, alg: string, kid?: string): Promise<unknown> => {
    try {
      const keys = await source.requireKeys(kid === undefined ? { alg } : { alg, kid })
      return await Promise.all(keys.map(async (key) => (await exportJWK(key)).kty))
    } catch (error) {
      if (isTokenRejected(error)) return error.reason
      throw error
    }
  }

  it('are those that suit the algorithm, whatever the kid', async () => {
    const source = sourceOf(RSA_CERTIFICATE, EC_CERTIFICATE)
    clock.set(FROM_2024)
    expect(await outcomeOf(source, 'RS256')).toEqual(['RSA'])
    expect(await outcomeOf(source, 'PS512', 'anything')).toEqual(['RSA'])
    expect(await outcomeOf(source, 'ES256', 'anything')).toEqual(['EC'])
    expect(await outcomeOf(source, 'EdDSA')).toBe('unknown_key')
    expect(await outcomeOf(source, 'ES384')).toBe('unknown_key')
  })

  it('are all of those that overlap', async () => {
    const source = sourceOf(EXPIRED_CERTIFICATE, EC_CERTIFICATE, NAMELESS_CERTIFICATE)
    clock.set(FROM_2024)
    expect(await outcomeOf(source, 'ES256')).toEqual(['EC', 'EC'])
    clock.set(FROM_2020)
    expect(await outcomeOf(source, 'ES256')).toEqual(['EC'])
  })

  it('are used from the first to the last second, and no longer', async () => {
    const source = sourceOf(EXPIRED_CERTIFICATE)
    for (const [now, outcome] of [
      [FROM_2020 - 0.001, 'certificate_expired'],
      [FROM_2020, ['EC']],
      [FROM_2021 - 0.001, ['EC']],
      [FROM_2021, 'certificate_expired'],
    ] as const) {
      clock.set(now)
      expect([now, await outcomeOf(source, 'ES256')]).toEqual([now, outcome])
    }
  })

  it('are refused for the certificates and not for the key when all have expired', async () => {
    clock.set(FROM_2100)
    expect(await outcomeOf(sourceOf(RSA_CERTIFICATE, EC_CERTIFICATE), 'EdDSA')).toBe('certificate_expired')
  })

  it('have nothing newer', async () => {
    expect(await sourceOf(RSA_CERTIFICATE).findNewerKeys()).toEqual([])
  })

  it('are told about in the stats: down while no certificate is valid', () => {
    const source = sourceOf(EXPIRED_CERTIFICATE)
    const stateAt = (now: number) => {
      clock.set(now)
      return source.stats().state
    }
    expect([stateAt(FROM_2020 - 1), stateAt(FROM_2020), stateAt(FROM_2021 - 1), stateAt(FROM_2021)]).toEqual([
      'down',
      'ok',
      'ok',
      'down',
    ])
    expect(source.stats().certificates).toEqual([{ subject: 'CN=Expired in 2021', expiresAt: FROM_2021 }])
  })

  it('are warned about once a day from 30 days before the end', async () => {
    const source = sourceOf(EXPIRED_CERTIFICATE)
    const countAt = async (now: number) => {
      clock.set(now)
      await outcomeOf(source, 'ES256')
      await outcomeOf(source, 'ES256')
      return warnings.length
    }
    expect(await countAt(FROM_2021 - 30 * DAY - 1)).toBe(0)
    expect(await countAt(FROM_2021 - 30 * DAY)).toBe(1)
    expect(await countAt(FROM_2021 - 29 * DAY - 1)).toBe(1)
    expect(await countAt(FROM_2021 - 29 * DAY)).toBe(2)
    expect(await countAt(FROM_2021 - 28 * DAY)).toBe(3)
    expect(await countAt(FROM_2021)).toBe(4)
    expect(await countAt(FROM_2021 + DAY)).toBe(5)
    expect(warnings[0]).toEqual({
      identityProvider: 'https://idp.example.com',
      certificate: 'CN=Expired in 2021',
      expiresAt: FROM_2021,
    })
  })

  it('are warned about one by one, and not when they are good for long', async () => {
    clock.set(FROM_2021 - DAY)
    await outcomeOf(sourceOf(RSA_CERTIFICATE, EXPIRED_CERTIFICATE), 'ES256')
    expect(warnings.map(({ certificate }) => certificate)).toEqual(['CN=Expired in 2021'])
  })
})
