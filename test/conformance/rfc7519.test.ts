import { createCipheriv, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FakeIdentityProvider, signAssertion } from '../../src/testing/index.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { encodePart, signCompact, signingInputOf } from '../support/compact-jws.js'
import { TOKEN_ENDPOINT } from '../support/exchange-host.js'

const TOLERANCE = 60
const DATES = { exp: 'invalid_expiry', nbf: 'invalid_not_before', iat: 'invalid_issued_at' } as const

let host: ClockedHost
let now: number
beforeAll(async () => {
  host = await startClockedHost()
  now = host.clock.now()
})
afterAll(() => host.close())

/** Signs claims in which one value is written as this JSON text, which an object could not hold. */
function assertionWritten(claim: string, json: string): string {
  const claims = JSON.stringify(host.claims({ [claim]: 'HERE' })).replace('"HERE"', json)
  return signCompact(host.idp.signingKey, signingInputOf(host.header(), claims))
}

/** Judges an assertion, made before time moves, at that second. */
async function judgeAt(seconds: number, claims: Record<string, unknown>) {
  const assertion = await host.assertion(claims)
  host.clock.set(seconds)
  const verdict = await host.judge(assertion)
  host.clock.set(now)
  return verdict
}

describe.each(Object.entries(DATES))('the date %s', (claim, reason) => {
  it.each([
    '"1800000300"',
    '"2027-01-15T08:00:00Z"',
    'null',
    'true',
    '[1800000300]',
    '{}',
    '-1',
    '-1e300',
    '1e300',
    '1e999',
    '-1e999',
    '253402300800',
    '1800000300000',
  ])('RFC 7519 §2: a claim that is %s is not a date [rule 53]', async (json) => {
    expect(await host.judge(assertionWritten(claim, json))).toEqual(refused(reason))
  })

  it.each(['NaN', 'Infinity', '0x6B49D200', '01800000000', '1_800_000_000', ''])(
    'RFC 7519 §2: a number written %s is not JSON [rule 53]',
    async (json) => {
      expect(await host.judge(assertionWritten(claim, json))).toEqual(refused('malformed_jwt'))
    },
  )

  it.each(['1800000000.5', '1.8e9', '18000000000E-1'])(
    'RFC 7519 §2: a number written %s is a date [rule 53]',
    async (json) => {
      expect(await host.judge(assertionWritten(claim, json))).toEqual(ACCEPTED)
    },
  )
})

describe('the boundary seconds', () => {
  it('RFC 7519 §4.1.4: an assertion is refused from exp and the tolerance on [rule 54]', async () => {
    const exp = now + 10
    expect(await judgeAt(exp + TOLERANCE, { exp })).toEqual(refused('expired'))
    expect(await judgeAt(exp + TOLERANCE + 0.001, { exp })).toEqual(refused('expired'))
    expect(await judgeAt(exp + TOLERANCE - 0.001, { exp })).toEqual(ACCEPTED)
    expect(await judgeAt(exp, { exp })).toEqual(ACCEPTED)
  })

  it('RFC 7519 §4.1.5: an assertion is refused until nbf less the tolerance [rule 54]', async () => {
    const nbf = now + 1000
    const claims = { nbf, iat: undefined, exp: nbf + 300 }
    expect(await judgeAt(nbf - TOLERANCE - 0.001, claims)).toEqual(refused('not_yet_valid'))
    expect(await judgeAt(nbf - TOLERANCE, claims)).toEqual(ACCEPTED)
    expect(await judgeAt(nbf, claims)).toEqual(ACCEPTED)
  })

  it('RFC 7519 §4.1.4: with the tolerance 0 an assertion is refused at exp itself [rule 54]', async () => {
    const strict = await startClockedHost({ exchange: { clock: host.clock, assertion: { clockTolerance: 0 } } })
    try {
      const claims = { exp: now, nbf: now }
      const judge = async (changes: Record<string, unknown>) =>
        await strict.judge(
          await signAssertion(strict.idp.signingKey, strict.header(), {
            ...strict.claims({ iat: now }),
            ...claims,
            ...changes,
          }),
        )
      expect(await judge({})).toEqual(refused('expired'))
      expect(await judge({ exp: now + 0.001, nbf: now + 0.001 })).toEqual(refused('not_yet_valid'))
      expect(await judge({ exp: now + 0.001 })).toEqual(ACCEPTED)
    } finally {
      await strict.close()
    }
  })
})

describe('the audience', () => {
  it.each<[unknown, string]>([
    [undefined, 'invalid_audience'],
    [null, 'invalid_audience'],
    [1, 'invalid_audience'],
    [true, 'invalid_audience'],
    [{}, 'invalid_audience'],
    [{ 0: TOKEN_ENDPOINT, length: 1 }, 'invalid_audience'],
    [[], 'invalid_audience'],
    [[[TOKEN_ENDPOINT]], 'invalid_audience'],
    [[TOKEN_ENDPOINT, 1], 'invalid_audience'],
    [[TOKEN_ENDPOINT, null], 'invalid_audience'],
    ['', 'wrong_audience'],
    [TOKEN_ENDPOINT.toUpperCase(), 'wrong_audience'],
    [TOKEN_ENDPOINT.replace('https', 'HTTPS'), 'wrong_audience'],
    [TOKEN_ENDPOINT.replace('api', 'API'), 'wrong_audience'],
    [`${TOKEN_ENDPOINT} https://other.example.com`, 'wrong_audience'],
    [JSON.stringify([TOKEN_ENDPOINT]), 'wrong_audience'],
    [['https://other.example.com', TOKEN_ENDPOINT.slice(0, -1)], 'wrong_audience'],
  ])('RFC 7519 §4.1.3: an aud that is %j is refused [rule 55]', async (aud, reason) => {
    expect(await host.judge(await host.assertion({ aud }))).toEqual(refused(reason))
  })

  it.each([[TOKEN_ENDPOINT], [[TOKEN_ENDPOINT]], [['https://other.example.com', TOKEN_ENDPOINT]]])(
    'RFC 7519 §4.1.3: an aud that is %j is accepted [rule 55]',
    async (aud) => {
      expect(await host.judge(await host.assertion({ aud }))).toEqual(ACCEPTED)
    },
  )
})

describe('the names in a JWT', () => {
  const noStrings = [null, '', 1, true, [], ['alice'], {}]

  it.each([...noStrings, 'a\u0000b', 'a\r\nb', '\u007f'])(
    'RFC 7519 §4.1.2: a sub that is %j is refused [rule 56]',
    async (sub) => {
      expect(await host.judge(await host.assertion({ sub }))).toEqual(refused('invalid_subject'))
    },
  )

  it.each([...noStrings, 'a\u0000b', 'a\nb'])('RFC 7519 §4.1.7: a jti that is %j is refused [rule 56]', async (jti) => {
    expect(await host.judge(await host.assertion({ jti }))).toEqual(refused('invalid_jwt_id'))
  })

  it.each(noStrings)('RFC 7519 §4.1.1: an iss that is %j is refused [rule 56]', async (iss) => {
    expect(await host.judge(await host.assertion({ iss }))).toEqual(refused('unknown_issuer'))
  })

  it('RFC 7519 §4.1.1: an iss within an array is refused [rule 56]', async () => {
    const iss = [host.idp.name]
    expect(await host.judge(await host.assertion({ iss }))).toEqual(refused('unknown_issuer'))
  })

  it('RFC 7519 §4.1.2: a sub with half a character is refused [rule 56]', async () => {
    expect(await host.judge(assertionWritten('sub', '"a\\ud800"'))).toEqual(refused('invalid_subject'))
  })

  it('RFC 7519 §4.1.2: a sub is given on as it is, characters outside ASCII too [rule 56]', async () => {
    const token = await host.accessToken({ sub: 'Zoë  | 漢字' })
    expect((await host.exchange.verifyAccessToken(token)).sub).toBe('Zoë  | 漢字')
  })

  it('RFC 7519 §4.1.7: two identity providers may use the same jti, each of them once [rule 56]', async () => {
    const second = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
    const first = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
    const two = await startClockedHost({
      exchange: {
        identityProviders: [first, second].map(({ name, jwksUri }) => ({ name, allowedSubjects: 'any', jwksUri })),
        subject: 'namespaced',
      },
    })
    try {
      const by = ({ name, signingKey }: FakeIdentityProvider) =>
        signAssertion(signingKey, { alg: 'ES256', kid: signingKey.kid }, two.claims({ iss: name, jti: 'one' }))
      expect(await two.judge(await by(first))).toEqual(ACCEPTED)
      expect(await two.judge(await by(second))).toEqual(ACCEPTED)
      expect(await two.judge(await by(first))).toEqual(refused('replayed'))
      expect(await two.judge(await by(second))).toEqual(refused('replayed'))
    } finally {
      await Promise.all([two.close(), first.close(), second.close()])
    }
  })
})

describe('a JWT within', () => {
  it('RFC 7519 §5.2: another JWS is refused: the payload must be claims [rule 57]', async () => {
    const inner = await host.assertion()
    const header = host.header({ cty: 'JWT' })
    expect(await host.judge(signCompact(host.idp.signingKey, signingInputOf(header, inner)))).toEqual(
      refused('malformed_jwt'),
    )
    const asString = signingInputOf(header, JSON.stringify(inner))
    expect(await host.judge(signCompact(host.idp.signingKey, asString))).toEqual(refused('malformed_jwt'))
    expect(await host.judge(inner)).toEqual(ACCEPTED)
  })

  it('RFC 7519 §5.2: encryption is refused, with any content [rule 57]', async () => {
    const iv = randomBytes(12)
    const header = encodePart({ alg: 'dir', enc: 'A256GCM', cty: 'JWT', kid: host.idp.signingKey.kid })
    for (const content of [await host.assertion(), JSON.stringify(host.claims())]) {
      const cipher = createCipheriv('aes-256-gcm', Buffer.alloc(32), iv).setAAD(Buffer.from(header))
      const ciphertext = Buffer.concat([cipher.update(content), cipher.final()])
      const jwe = [header, '', encodePart(iv), encodePart(ciphertext), encodePart(cipher.getAuthTag())].join('.')
      expect(await host.judge(jwe)).toEqual(refused('malformed_jwt'))
      const unsecured = [header, '', encodePart(iv), encodePart(content), 'AAAA'].join('.')
      expect(await host.judge(unsecured)).toEqual(refused('malformed_jwt'))
    }
  })

  it('RFC 8725bis §3.3: encryption with a password and a huge count is refused at once [rule 57]', async () => {
    const header = encodePart({ alg: 'PBES2-HS256+A128KW', enc: 'A128GCM', p2c: 2_147_483_647, p2s: 'AAAAAAAAAAA' })
    const jwe = [header, 'AAAA', 'AAAA', 'AAAA', 'AAAA'].join('.')
    const startedAt = performance.now()
    expect(await host.judge(jwe)).toEqual(refused('malformed_jwt'))
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })
})
