import { createPrivateKey, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { JWK } from 'jose'
import { createJwtExchange } from '../../src/index.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { EC_CERTIFICATE, EC_CERTIFICATE_KEY, RSA_CERTIFICATE, RSA_CERTIFICATE_KEY } from '../support/certificates.js'
import { AUDIENCE, CLIENT, type ExchangeHost, ISSUER, startExchangeHost } from '../support/exchange-host.js'
import {
  closeUnharmed,
  expectAssertionRefused,
  expectCleanEvents,
  expectInvalidToken,
} from '../support/expect-refusal.js'
import { goodClaims, goodHeader, joinParts, macToken } from '../support/forged-jwt.js'
import { type RawServer, startRawServer } from '../support/raw-server.js'

let host: ExchangeHost
let attackerKey: FakeKey
let attackerServer: RawServer

beforeAll(async () => {
  attackerKey = await generateFakeKey('ES256', 'attacker-key')
  attackerServer = await startRawServer()
  host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    identityProvider: { types: ['assertion+jwt', 'application/authorization-grant+jwt'] },
  })
})
afterAll(async () => {
  await attackerServer.close()
  await closeUnharmed(host)
})

function signedByAttacker(header: Readonly<Record<string, unknown>>): Promise<string> {
  return signAssertion(attackerKey, { ...goodHeader(host.idp), ...header }, goodClaims(host.idp))
}

/** Which keys a forged header may name, and why the token is then refused. */
const kids: [name: string, header: () => Record<string, unknown>, reason: string][] = [
  ['the kid of a good key', () => ({}), 'bad_signature'],
  ['no kid', () => ({ kid: undefined }), 'bad_signature'],
  ["the attacker's kid", () => ({ kid: attackerKey.kid }), 'unknown_key'],
]

describe('a key in the header', () => {
  it.each(kids)('H1: an embedded jwk under %s is ignored', async (_name, header, reason) => {
    await expectAssertionRefused(host, await signedByAttacker({ ...header(), jwk: attackerKey.publicJwk }), reason)
    await expectAssertionRefused(host, await signedByAttacker({ ...header(), jwk: attackerKey.privateJwk }), reason)
  })

  it('H1: an embedded symmetric jwk is ignored', async () => {
    const jwk = { kty: 'oct', k: Buffer.from('attacker').toString('base64url') }
    const token = macToken({ alg: 'HS256', jwk }, goodClaims(host.idp), 'attacker')
    await expectAssertionRefused(host, token, 'algorithm_not_allowed')
  })

  it.each(kids)('H2: jku and x5u under %s cause no request', async (_name, header, reason) => {
    const { url } = attackerServer
    for (const remote of [{ jku: url }, { x5u: url }, { jku: url, x5u: url, jwks_uri: url }]) {
      await expectAssertionRefused(host, await signedByAttacker({ ...header(), ...remote }), reason)
    }
    expect(attackerServer.requests).toEqual([])
  })

  it('H2: a signed assertion is accepted without its jku and x5u being asked', async () => {
    const { url } = attackerServer
    const response = await host.exchangeAssertion(await host.idp.issueAssertion({}, { jku: url, x5u: url }))
    expect(response.status).toBe(200)
    expect(attackerServer.requests).toEqual([])
  })

  it.each(kids)('H3: a self-signed x5c with its x5t under %s is ignored', async (_name, header, reason) => {
    const token = await signAssertion(certified, { ...goodHeader(host.idp), ...header(), ...x5 }, goodClaims(host.idp))
    await expectAssertionRefused(host, token, reason)
  })

  it('H3: an x5c chooses nothing if the identity provider is configured with certificates', async () => {
    const started = await startExchangeHost({ exchange: { identityProviders: [certificateProvider] } })
    try {
      const claims = { ...goodClaims(started.idp), iss: certificateProvider.name }
      const good = await signAssertion(rsaCertified, { alg: 'RS256', ...x5 }, claims)
      expect((await started.exchangeAssertion(good)).status).toBe(200)
      for (const kid of [undefined, 'any', x5.x5t]) {
        const forged = await signAssertion(certified, { alg: 'ES256', kid, ...x5 }, claims)
        await expectAssertionRefused(started, forged, 'unknown_key')
      }
      expectCleanEvents(started)
    } finally {
      await started.close()
    }
  })
})

const certificate = new X509Certificate(EC_CERTIFICATE)
const x5 = {
  x5c: [certificate.raw.toString('base64')],
  x5t: Buffer.from(certificate.fingerprint.replaceAll(':', ''), 'hex').toString('base64url'),
  'x5t#S256': Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url'),
}
const certified = fakeKeyOf(EC_CERTIFICATE_KEY, 'ES256')
const rsaCertified = fakeKeyOf(RSA_CERTIFICATE_KEY, 'RS256')
const certificateProvider = {
  name: 'https://idp.example.com',
  allowedSubjects: 'any' as const,
  certificates: [RSA_CERTIFICATE],
}

function fakeKeyOf(pem: string, algorithm: 'ES256' | 'RS256'): FakeKey {
  const privateJwk = createPrivateKey(pem).export({ format: 'jwk' }) as JWK
  return { kid: 'certified', algorithm, privateJwk, publicJwk: {} }
}

describe('a kid that is more than a name', () => {
  const unknown: [name: string, kid: string][] = [
    ['a path', '../../dev/null'],
    ['a long path', `${'../'.repeat(80)}dev/null`],
    ['SQL', "x' UNION SELECT 'k'--"],
    ['a shell command', '|sleep 10'],
    ['a command substitution', '$(sleep 10)`sleep 10`'],
    ['CRLF', 'key\r\nSet-Cookie: attacker=1'],
    ['NUL', 'key\u0000'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['toString', 'toString'],
    ['a URL', 'https://attacker.example/key'],
    ['a file URL', 'file:///etc/passwd'],
    ['nothing', ''],
    ['256 characters', 'k'.repeat(256)],
    ['a lone surrogate', '\ud800'],
    ['an ANSI escape', '\u001b[2J\u202eattacker'],
  ]

  it.each(unknown)('H4: a kid of %s names no key', async (_name, kid) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { kid }), 'unknown_key')
  })

  it.each(unknown)('H4: a kid of %s names no key of ours either', async (_name, kid) => {
    const claims = { ...goodClaims(host.idp), iss: ISSUER, aud: AUDIENCE, client_id: 'app' }
    const token = await signAssertion(attackerKey, { alg: 'ES256', typ: 'at+jwt', kid }, claims)
    await expectInvalidToken(host, '/me', `Bearer ${token}`, 'unknown_key')
    await expectInvalidToken(host, '/orders', `Bearer ${token}`, 'unknown_key')
  })

  it.each([257, 8192])('H4: a kid of %d characters is refused unread', async (length) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { kid: 'k'.repeat(length) }), 'malformed_jwt')
  })

  it('H4: the good kid with anything around it names no key', async () => {
    const { kid } = host.idp.signingKey
    for (const other of [
      ` ${kid}`,
      `${kid} `,
      `${kid}\n`,
      `${kid}\u0000`,
      kid.toUpperCase(),
      `./${kid}`,
      `${kid}%00`,
    ]) {
      await expectAssertionRefused(host, await host.idp.issueAssertion({}, { kid: other }), 'unknown_key')
    }
  })

  it.each<[name: string, kidOf: (good: string) => unknown]>([
    ['a number', () => 1],
    ['zero', () => 0],
    ['an empty array', () => []],
    ['an array of the good kid', (good) => [good]],
    ['an object', () => ({})],
    ['an object with the good kid', (good) => ({ toString: good, kid: good })],
    ['null', () => null],
    ['true', () => true],
    ['false', () => false],
  ])('H5: a kid that is %s is refused', async (_name, kidOf) => {
    const kid = kidOf(host.idp.signingKey.kid)
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { kid }), 'malformed_jwt')
  })
})

describe('an extension that must be understood', () => {
  it.each([
    ['an unknown name', { crit: ['exp'], exp: 9_999_999_999 }],
    ['an unknown name with a value', { crit: ['http://attacker.example/x'], 'http://attacker.example/x': true }],
    ['nothing', { crit: [] }],
    ['a string', { crit: 'b64' }],
    ['null', { crit: null }],
    ['false', { crit: false }],
    ['a registered name', { crit: ['alg'] }],
    ['a name that is absent', { crit: ['absent'] }],
    ['a name twice', { crit: ['x', 'x'], x: 1 }],
    ['a number', { crit: [1] }],
    ['b64', { crit: ['b64'], b64: true }],
  ])('H6: a crit of %s is refused', async (_name, header) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, header), 'unsupported_header')
  })

  it.each([
    ['false without crit', { b64: false }],
    ['false with crit', { b64: false, crit: ['b64'] }],
    ['true without crit', { b64: true }],
    ['null', { b64: null }],
    ['a string', { b64: 'false' }],
  ])('H7: a b64 of %s is refused', async (_name, header) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, header), 'unsupported_header')
  })

  it.each([
    ['under b64: false', { b64: false, crit: ['b64'] }, 'unsupported_header'],
    ['under a plain header', {}, 'malformed_jwt'],
  ])('H7: a payload that is not encoded is refused %s', async (_name, members, reason) => {
    const [header, , signature] = (await host.idp.issueAssertion({}, members)).split('.')
    const payload = JSON.stringify(goodClaims(host.idp)).replaceAll('.', '')
    await expectAssertionRefused(host, `${header}.${payload}.${signature}`, reason)
  })
})

describe('claims in the header', () => {
  it.each([
    ['iss', { iss: 'https://attacker.example' }, 'unknown_issuer'],
    ['absent iss', { iss: undefined }, 'unknown_issuer'],
    ['aud', { aud: 'https://attacker.example' }, 'wrong_audience'],
    ['absent aud', { aud: undefined }, 'invalid_audience'],
    ['absent sub', { sub: undefined }, 'invalid_subject'],
    ['past exp', { exp: 1 }, 'expired'],
    ['absent exp', { exp: undefined }, 'invalid_expiry'],
  ])('H8: good ones do not make up for %s in the payload', async (_name, claims, reason) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion(claims, goodClaims(host.idp)), reason)
  })

  it('H8: bad ones do no harm', async () => {
    const header = { iss: 'https://attacker.example', sub: 'admin', aud: 'https://attacker.example', exp: 1 }
    const response = await host.exchangeAssertion(await host.idp.issueAssertion({}, header))
    expect(response.status).toBe(200)
    const { sub } = await host.exchange.verifyAccessToken(response.body.access_token)
    expect(sub).toBe('alice')
  })
})

describe('the type of a token', () => {
  const foreign = [
    'at+jwt',
    'application/at+jwt',
    'AT+JWT',
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'client-authentication+jwt',
    'kb+jwt',
    'oauth-id-jag+jwt',
    'JWE',
    'JOSE',
    'JWT ',
    'application/application/jwt',
    'text/jwt',
    '',
    'ＪＷＴ',
    'constructor',
  ]

  it.each(foreign)('H9: typ %j is refused', async (typ) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { typ }), 'type_not_allowed')
  })

  it.each([[['JWT']], [null], [1], [true], [{}]])('H9: typ %j is refused as no string', async (typ) => {
    await expectAssertionRefused(host, await host.idp.issueAssertion({}, { typ }), 'malformed_jwt')
  })

  it.each([
    undefined,
    'JWT',
    'jwt',
    'Jwt',
    'application/jwt',
    'application/JWT',
    'assertion+jwt',
    'Authorization-Grant+jwt',
  ])('H9: typ %j is accepted', async (typ) => {
    expect((await host.exchangeAssertion(await host.idp.issueAssertion({}, { typ }))).status).toBe(200)
  })

  it.each([
    'at+jwt',
    'application/at+jwt',
    'Application/AT+JWT',
    'logout+jwt',
    'dpop+jwt',
    'kb+jwt',
    'oauth-id-jag+jwt',
    '',
  ])('H9: typ %j cannot be configured as that of an assertion', (typ) => {
    const identityProvider = {
      name: 'idp',
      allowedSubjects: 'any' as const,
      jwksUri: 'https://idp.example.com/jwks',
      types: [typ],
    }
    const options = {
      issuer: ISSUER,
      identityProviders: [identityProvider],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    }
    expect(() => createJwtExchange(options)).toThrow(/identityProviders\[0\]\.types/)
  })
})

describe('a header name twice', () => {
  const headers: [name: string, header: (kid: string) => string][] = [
    ['alg, the good one first', (kid) => `{"alg":"ES256","kid":"${kid}","alg":"none"}`],
    ['alg, the good one last', (kid) => `{"alg":"none","kid":"${kid}","alg":"ES256"}`],
    ['alg with the same value', (kid) => `{"alg":"ES256","kid":"${kid}","alg":"ES256"}`],
    ['alg, once escaped', (kid) => `{"\\u0061lg":"none","kid":"${kid}","alg":"ES256"}`],
    ['kid', (kid) => `{"alg":"ES256","kid":"attacker","kid":"${kid}"}`],
    ['typ', (kid) => `{"alg":"ES256","kid":"${kid}","typ":"at+jwt","typ":"JWT"}`],
    ['an unknown name', (kid) => `{"alg":"ES256","kid":"${kid}","x":1,"x":2}`],
    ['a name in a member', (kid) => `{"alg":"ES256","kid":"${kid}","x":[{"y":1,"y":2}]}`],
    ['__proto__', (kid) => `{"alg":"ES256","kid":"${kid}","__proto__":{},"__proto__":{}}`],
    ['alg with white space before the colon', (kid) => `{"alg" \n:"none","kid":"${kid}","alg"\t:"ES256"}`],
    ['alg, beside a string with a quote', (kid) => `{"x":"\\":","alg":"none","kid":"${kid}","alg":"ES256"}`],
    [
      'alg, next to a string that ends in a backslash',
      (kid) => `{"x":"\\\\","alg":"none","kid":"${kid}","alg":"ES256"}`,
    ],
  ]

  it.each(headers)('H10: %s is refused', async (_name, header) => {
    const { signingKey } = host.idp
    const token = await signAssertion(signingKey, header(signingKey.kid), goodClaims(host.idp))
    await expectAssertionRefused(host, token, 'malformed_jwt')
  })

  it('H10: strings that look like names are not names', async () => {
    const { signingKey } = host.idp
    const header = JSON.stringify({
      alg: 'ES256',
      kid: signingKey.kid,
      x: ['alg', '"alg":', '\\"alg":"none"', 'alg:'],
      y: ':',
    })
    expect((await host.exchangeAssertion(await signAssertion(signingKey, header, goodClaims(host.idp)))).status).toBe(
      200,
    )
  })
})

describe('a header that is none', () => {
  it.each(['[]', '"ES256"', 'null', '1', '', '{', '{}', '{"alg":"ES256"} x', '\ufeff{"alg":"ES256"}'])(
    'H10: the header %j is refused',
    async (header) => {
      await expectAssertionRefused(host, joinParts(header, goodClaims(host.idp), 'signature'), 'malformed_jwt')
    },
  )
})
