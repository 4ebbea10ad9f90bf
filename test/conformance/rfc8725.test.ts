import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ConfigError, createJwtExchange, type IdentityProviderOptions } from '../../src/index.js'
import { FakeIdentityProvider, type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost()
})
afterAll(() => host.close())

/** The paths of the options that are refused. */
function problemsOf(identityProvider: Partial<IdentityProviderOptions>): string[] {
  const entry = {
    name: 'https://idp.example.com',
    allowedSubjects: 'any' as const,
    jwksUri: 'https://idp.example.com/keys',
    ...identityProvider,
  }
  try {
    createJwtExchange({
      issuer: ISSUER,
      identityProviders: [entry],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    }).close()
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path }) => path.join('.'))
  }
}

describe('the algorithms of an identity provider', () => {
  let limited: ClockedHost
  let rsa: FakeKey
  let p384: FakeKey
  beforeAll(async () => {
    limited = await startClockedHost({
      identityProvider: { algorithms: ['ES256', 'RS512'] },
      exchange: { assertion: { algorithms: ['ES384'] } },
    })
    rsa = await generateFakeKey('RS256', 'rsa')
    p384 = await generateFakeKey('ES384', 'p384')
    limited.publish([{ ...rsa.publicJwk, alg: undefined }, p384.publicJwk, limited.idp.signingKey.publicJwk])
  })
  afterAll(() => limited.close())

  function signedBy(key: FakeKey): Promise<string> {
    return signAssertion(key, limited.header({ alg: key.algorithm, kid: key.kid }), limited.claims())
  }

  it('RFC 8725 §3.1: an algorithm that is not among them is refused, though the key is published [rule 79]', async () => {
    expect(await limited.judge(await signedBy(rsa))).toEqual(refused('algorithm_not_allowed'))
    expect(await limited.judge(await signedBy({ ...rsa, algorithm: 'PS512' }))).toEqual(
      refused('algorithm_not_allowed'),
    )
    expect(await limited.judge(await signedBy(p384))).toEqual(refused('algorithm_not_allowed'))
  })

  it('RFC 8725 §3.1: an algorithm that is among them is accepted with a key that suits it [rule 79]', async () => {
    expect(await limited.judge(await signedBy({ ...rsa, algorithm: 'RS512' }))).toEqual(ACCEPTED)
    expect(await limited.judge(await limited.assertion())).toEqual(ACCEPTED)
  })

  it('RFC 8725 §3.1: an algorithm that does not suit the key it names is refused [rule 79]', async () => {
    const { signingKey } = limited.idp
    const header = limited.header({ alg: 'ES256', kid: 'rsa' })
    expect(await limited.judge(await signAssertion(signingKey, header, limited.claims()))).toEqual(
      refused('unknown_key'),
    )
  })

  it.each(['HS256', 'none', 'RSA1_5', 'es256', ''])(
    'RFC 8725 §3.1: %j cannot be configured as one of them [rule 79]',
    (algorithm) => {
      // @ts-expect-error: only asymmetric algorithms have the type
      expect(problemsOf({ algorithms: [algorithm] })).toContain('identityProviders.0.algorithms.0')
    },
  )
})

describe('a signature', () => {
  it('RFC 8725 §3.3: a signature of zeros, of r = 0 or of s = 0 is refused [rule 80]', async () => {
    const [header, payload, signature = ''] = (await host.assertion()).split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const zeros = Buffer.alloc(32)
    const forgeries = [
      Buffer.concat([zeros, zeros]),
      Buffer.concat([zeros, bytes.subarray(32)]),
      Buffer.concat([bytes.subarray(0, 32), zeros]),
      Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)]),
    ]
    for (const forgery of forgeries) {
      const assertion = `${header}.${payload}.${forgery.toString('base64url')}`
      expect(await host.judge(assertion)).toEqual(refused('bad_signature'))
    }
    expect(await host.judge(`${header}.${payload}.${signature}`)).toEqual(ACCEPTED)
  })

  it('RFC 8725 §3.4: a signature by a point that is not on the curve is refused, without a defect [rule 80]', async () => {
    const [one, two] = [await generateFakeKey('ES256', 'one'), await generateFakeKey('ES256', 'two')]
    const zero = Buffer.alloc(32).toString('base64url')
    const good = host.idp.signingKey
    for (const point of [{ y: two.publicJwk.y }, { x: zero, y: zero }, { y: `${one.publicJwk.y}AA` }]) {
      host.publish([{ ...one.publicJwk, ...point }, good.publicJwk])
      const assertion = await signAssertion(one, host.header({ kid: 'one' }), host.claims())
      expect(await host.judge(assertion)).toEqual(refused('unknown_key'))
      expect(host.events.findLast(({ name }) => name === 'jwks.key_rejected')?.reason).toBe('invalid_key')
    }
    expect(await host.judge(await host.assertion())).toEqual(ACCEPTED)
  })
})

describe('the keys of one issuer', () => {
  it('RFC 8725 §3.8: the keys of one issuer do not verify for another one, not even under a shared kid [rule 81]', async () => {
    const one = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
    const other = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
    one.publish([{ ...one.signingKey.publicJwk, kid: 'shared' }])
    other.publish([{ ...other.signingKey.publicJwk, kid: 'shared' }])
    const two = await startClockedHost({
      exchange: {
        identityProviders: [one, other].map(({ name, jwksUri }) => ({
          name,
          allowedSubjects: 'any' as const,
          jwksUri,
        })),
        subject: 'namespaced',
      },
    })
    try {
      const sign = (key: FakeKey, iss: string, kid?: string) =>
        signAssertion(key, { alg: 'ES256', kid }, two.claims({ iss }))
      for (const kid of ['shared', undefined]) {
        expect(await two.judge(await sign(one.signingKey, other.name, kid))).toEqual(refused('bad_signature'))
        expect(await two.judge(await sign(other.signingKey, one.name, kid))).toEqual(refused('bad_signature'))
        expect(await two.judge(await sign(one.signingKey, one.name, kid))).toEqual(ACCEPTED)
        expect(await two.judge(await sign(other.signingKey, other.name, kid))).toEqual(ACCEPTED)
      }
    } finally {
      await Promise.all([two.close(), one.close(), other.close()])
    }
  })
})

describe('the type of a JWT', () => {
  it.each([
    'at+jwt',
    'application/at+jwt',
    'AT+JWT',
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'client-authentication+jwt',
    'kb+jwt',
    'oauth-id-jag+jwt',
    'JOSE',
    'JWS',
    'jwt ',
    '',
  ])('RFC 8725 §3.11: a JWT of the type %j is not an assertion [rule 82]', async (typ) => {
    expect(await host.judge(await host.assertion({}, { typ }))).toEqual(refused('type_not_allowed'))
  })

  it.each([null, 1, ['JWT'], {}])('RFC 7515 §4.1.9: a typ that is %j is refused [rule 82]', async (typ) => {
    expect(await host.judge(await host.assertion({}, { typ }))).toEqual(refused('malformed_jwt'))
  })

  it.each([undefined, 'JWT', 'jwt', 'application/jwt'])(
    'RFC 8725 §3.11: a JWT of the type %j may be an assertion [rule 82]',
    async (typ) => {
      expect(await host.judge(await host.assertion({}, { typ }))).toEqual(ACCEPTED)
    },
  )

  it.each([
    'at+jwt',
    'application/AT+jwt',
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'client-authentication+jwt',
    'kb+jwt',
    'oauth-id-jag+jwt',
  ])('RFC 8725 §3.11: the type %s, which means something else, cannot be configured [rule 82]', (typ) => {
    expect(problemsOf({ types: [typ] })).toEqual(['identityProviders.0.types.0'])
  })

  it('RFC 8725 §3.11: a type of its own can be configured for an identity provider [rule 82]', async () => {
    const typed = await startClockedHost({ identityProvider: { types: ['idp-assertion+jwt'] } })
    try {
      const other = await typed.assertion({}, { typ: 'other-assertion+jwt' })
      const own = await typed.assertion({}, { typ: 'application/idp-assertion+JWT' })
      expect(await typed.judge(other)).toEqual(refused('type_not_allowed'))
      expect(await typed.judge(own)).toEqual(ACCEPTED)
    } finally {
      await typed.close()
    }
  })

  it('RFC 8725 §3.12: an ID token, whose audience is a client, is not an assertion [rule 82]', async () => {
    const claims = { aud: CLIENT.clientId, azp: CLIENT.clientId, nonce: 'n', at_hash: 'h', auth_time: 1_800_000_000 }
    expect(await host.judge(await host.assertion(claims))).toEqual(refused('wrong_audience'))
    expect(await host.judge(await host.assertion({ ...claims, aud: [CLIENT.clientId] }))).toEqual(
      refused('wrong_audience'),
    )
  })

  it('RFC 8725 §3.12: an access token of ours is not an assertion, and an assertion is not an access token [rule 82]', async () => {
    expect(await host.judge(await host.accessToken())).toEqual(refused('unknown_issuer'))
    await expect(host.exchange.verifyAccessToken(await host.assertion())).rejects.toMatchObject({
      reason: 'type_not_allowed',
    })
    await expect(
      host.exchange.verifyAccessToken(await host.assertion({ iss: ISSUER, aud: AUDIENCE }, { typ: 'at+jwt' })),
    ).rejects.toMatchObject({ reason: 'unknown_key' })
  })
})

describe('where keys come from', () => {
  it.each([
    'http://idp.example.com/keys',
    'http://169.254.169.254/latest/meta-data',
    'http://10.0.0.1/keys',
    'http://127.0.0.1.example.com/keys',
    'http://localhost.example.com/keys',
    'file:///etc/passwd',
    'ftp://idp.example.com/keys',
    'data:application/json,{"keys":[]}',
    'https://user:password@idp.example.com/keys',
    'https://idp.example.com/keys#fragment',
    '//idp.example.com/keys',
    'idp.example.com/keys',
  ])('RFC 8725bis §3.10: %s cannot be configured as the endpoint of a key set [rule 84]', (jwksUri) => {
    expect(problemsOf({ jwksUri })).toContain('identityProviders.0.jwksUri')
  })

  it.each(['https://idp.example.com/keys', 'http://127.0.0.1:8080/keys', 'http://localhost/keys', 'http://[::1]/keys'])(
    'RFC 8725bis §3.10: %s can be configured as the endpoint of a key set [rule 84]',
    (jwksUri) => {
      expect(problemsOf({ jwksUri })).toEqual([])
    },
  )

  it('RFC 8725bis §3.10: an assertion makes no request to a URL that it names [rule 84]', async () => {
    let requests = 0
    const server = createServer((_, response) => {
      requests += 1
      response.end()
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      const header = { jku: `${url}/jku`, x5u: `${url}/x5u`, kid: `${url}/kid` }
      expect(await host.judge(await host.assertion({}, header))).toEqual(refused('unknown_key'))
      expect(await host.judge(await host.assertion({ iss: url }, header))).toEqual(refused('unknown_issuer'))
      expect(await host.judge(await host.assertion({ jwks_uri: url }, { ...header, kid: undefined }))).toEqual(ACCEPTED)
      expect(requests).toBe(0)
      await fetch(url)
      expect(requests).toBe(1)
    } finally {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  })

  it('RFC 8725bis §3.10: a redirect of the endpoint is not followed [rule 84]', async () => {
    const redirecting = await startClockedHost()
    try {
      await redirecting.idp.fault('redirect')
      const verdict = await redirecting.judge(await redirecting.assertion())
      expect(verdict).toEqual({ status: 503, error: 'temporarily_unavailable', reason: 'jwks_unavailable' })
      const failure = redirecting.events.findLast(({ name }) => name === 'jwks.failed')
      expect(failure?.reason).toBe('redirected')
    } finally {
      await redirecting.close()
    }
  })
})

describe('the key id', () => {
  it.each([1, true, null, ['x'], { kid: 'x' }])(
    'RFC 7515 §4.1.4: a kid that is %j is refused [rule 83]',
    async (kid) => {
      expect(await host.judge(await host.assertion({}, { kid }))).toEqual(refused('malformed_jwt'))
    },
  )

  it('RFC 8725 §3.10: a kid of more than 256 characters is refused before any key is looked for [rule 83]', async () => {
    expect(await host.judge(await host.assertion({}, { kid: 'k'.repeat(257) }))).toEqual(refused('malformed_jwt'))
    expect(await host.judge(await host.assertion({}, { kid: 'k'.repeat(256) }))).toEqual(refused('unknown_key'))
  })

  it.each(['../../dev/null', "x' UNION SELECT 'k'--", '|sleep 10', '__proto__', 'constructor', 'toString', ''])(
    'RFC 8725 §3.10: the kid %j is looked up as a plain string and finds no key [rule 83]',
    async (kid) => {
      const key = await generateFakeKey('ES256', kid)
      expect(await host.judge(await signAssertion(key, host.header({ kid }), host.claims()))).toEqual(
        refused('unknown_key'),
      )
    },
  )

  it('RFC 8725 §3.10: a kid reaches the operator in printable characters only [rule 83]', async () => {
    const kid = 'a\r\nlevel=fatal \u001b[31m\u202e\u0000'
    expect(await host.judge(await host.assertion({}, { kid }))).toEqual(refused('unknown_key'))
    expect(host.events.findLast(({ name }) => name === 'token.rejected')?.kid).toBe(
      'a\\u000d\\u000alevel=fatal \\u001b[31m\\u202e\\u0000',
    )
  })
})

describe('the format of a JWT', () => {
  it('RFC 8725bis §3.14: braces and quotes around a good assertion are refused [rule 86]', async () => {
    const assertion = await host.assertion()
    for (const wrapped of [
      `"${assertion}"`,
      `'${assertion}'`,
      `{"x":".${assertion}."}`,
      `{${assertion}}`,
      `[${assertion}]`,
    ]) {
      expect(await host.judge(wrapped)).toEqual(refused('malformed_jwt'))
    }
    expect(await host.judge(assertion)).toEqual(ACCEPTED)
  })
})
