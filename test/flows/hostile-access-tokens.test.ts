import { createHmac, createPublicKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  createJwtExchange,
  createResourceServer,
  generateSigningKey,
  type IssuerOptions,
  type JwtExchange,
  type JwtExchangeOptions,
  type ResourceServer,
} from '../../src/index.js'
import { type FakeKey, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { signingInputOf } from '../support/compact-jws.js'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'

const IDP = 'https://idp.example.com'
const NOW = new AdjustableClock().now()
type Members = Readonly<Record<string, unknown>>

let key: FakeKey
let attacker: FakeKey
beforeAll(async () => {
  key = await generateFakeKey('ES256', 'k')
  attacker = await generateFakeKey('ES256', 'k')
})

function claims(changes: Members = {}): Members {
  const dates = { iat: NOW, exp: NOW + 300 }
  return { iss: IDP, sub: 'alice', aud: AUDIENCE, client_id: 'spa', jti: 'a', ...dates, ...changes }
}

function sign(changes: Members = {}, header: Members = {}, by = key): Promise<string> {
  return signAssertion(by, { alg: 'ES256', kid: 'k', typ: 'at+jwt', ...header }, claims(changes))
}

/** What a verifier says: the subject, or why the token is refused. */
async function judge({ verifyAccessToken }: Pick<ResourceServer, 'verifyAccessToken'>, token: string): Promise<string> {
  return verifyAccessToken(token).then(
    ({ sub }) => sub,
    ({ reason }: { reason: string }) => reason,
  )
}

/** Until it is remembered. */
async function useOften(server: Pick<ResourceServer, 'verifyAccessToken'>, token: string): Promise<void> {
  for (let use = 0; use < 3; use += 1) expect(await judge(server, token)).toBe('alice')
}

function startServer(options: Partial<IssuerOptions> = {}, clock = new AdjustableClock()): ResourceServer {
  const jwks = { keys: [key.publicJwk] }
  return createResourceServer({ issuer: IDP, audience: AUDIENCE, jwks, clock, ...options })
}

describe('what was true when a token was verified first', () => {
  it('is not taken for granted when the clock goes back behind its iat', async () => {
    const clock = new AdjustableClock()
    const server = startServer({}, clock)
    const [token, fresh] = [await sign(), await sign({ jti: 'b' })]
    await useOften(server, token)
    clock.set(NOW - 100)
    expect([await judge(server, fresh), await judge(server, token)]).toEqual(['issued_in_future', 'issued_in_future'])
  })

  it('is not taken for granted when the clock goes back so far that its lifetime is too long', async () => {
    const clock = new AdjustableClock()
    const server = startServer({ maxLifetime: 400 }, clock)
    const [token, fresh] = [await sign({ iat: undefined }), await sign({ iat: undefined, jti: 'b' })]
    await useOften(server, token)
    clock.set(NOW - 200)
    expect([await judge(server, fresh), await judge(server, token)]).toEqual(['lifetime_too_long', 'lifetime_too_long'])
  })

  it('is judged again by a function for the subject, which may know that a user has left', async () => {
    const gone = new Set<string>()
    const subject = ({ sub }: { sub: string }) => (gone.has(sub) ? '' : sub)
    const server = startServer({ subject })
    const token = await sign()
    await useOften(server, token)
    gone.add('alice')
    expect(await judge(server, token)).toBe('invalid_subject')
  })

  it('does not outlive its exp while a function of the host is waited for', async () => {
    const clock = new AdjustableClock()
    const check = async () => {
      clock.advance(400)
      return true as const
    }
    expect(await judge(startServer({ check }, clock), await sign())).toBe('expired')
  })
})

describe('an exchange that accepts access tokens of its identity provider', () => {
  const exchanges: JwtExchange[] = []
  afterAll(() => {
    for (const exchange of exchanges) exchange.close()
  })

  const own = generateSigningKey('ES256')
  const ownKey: FakeKey = { kid: 'k', algorithm: 'ES256', privateJwk: own, publicJwk: {} }
  function startExchange(check?: () => Promise<true>, jwks: object[] = [key.publicJwk]): JwtExchange {
    const options: JwtExchangeOptions = {
      issuer: ISSUER,
      identityProviders: [
        {
          name: IDP,
          jwks: { keys: jwks },
          allowedSubjects: 'any',
          accessTokens: { audience: AUDIENCE, ...(check && { check }) },
        },
      ],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE, signingKeys: [{ ...own, kid: 'k' }] },
      clock: new AdjustableClock(),
    }
    const exchange = createJwtExchange(options)
    exchanges.push(exchange)
    return exchange
  }

  it('refuses a token whose issuer is switched off while a function of the host is waited for', async () => {
    let isDown = false
    const exchange: JwtExchange = startExchange(async () => {
      if (isDown) exchange.disableIdentityProvider(IDP)
      return true
    })
    expect(await judge(exchange, await sign())).toBe('alice')
    isDown = true
    expect(await judge(exchange, await sign())).toBe('identity_provider_disabled')
  })

  it('refuses a remembered token as soon as its issuer is switched off', async () => {
    const exchange = startExchange()
    const token = await sign()
    await useOften(exchange, token)
    exchange.disableIdentityProvider(IDP)
    expect(await judge(exchange, token)).toBe('identity_provider_disabled')
  })

  it('tells its own key from the key of the identity provider with the same kid', async () => {
    const exchange = startExchange()
    const ofUs = { iss: ISSUER, client_id: 'app' }
    expect(await judge(exchange, await sign(ofUs, {}, ownKey))).toBe('alice')
    expect(await judge(exchange, await sign())).toBe('alice')
    expect(await judge(exchange, await sign({}, {}, ownKey))).toBe('bad_signature')
    expect(await judge(exchange, await sign(ofUs, {}, key))).toBe('bad_signature')
  })

  it('takes no token in its own name for one of an identity provider that publishes its public key', async () => {
    const { d: _, ...publicJwk } = own
    const exchange = startExchange(undefined, [{ ...publicJwk, kid: 'k' }, key.publicJwk])
    const ofUs = { iss: ISSUER, client_id: 'app' }
    expect(await exchange.verifyAccessToken(await sign(ofUs, {}, ownKey))).toMatchObject({
      identityProvider: undefined,
    })
    expect(await judge(exchange, await sign(ofUs))).toBe('bad_signature')
    expect(await judge(exchange, await sign({ sub: CLIENT.clientId }))).toBe('subject_is_client_id')
  })

  it('gives a token of the identity provider no other one by its claim idp', async () => {
    const auth = await startExchange().verifyAccessToken(await sign({ idp: ISSUER, iss: IDP }))
    expect(auth).toMatchObject({ identityProvider: IDP, issuer: IDP })
  })
})

describe('an issuer', () => {
  it.each([
    `${IDP}/`,
    'https://IDP.example.com',
    'https://idp.example.com:443',
    'https://idp.example.com/../idp',
    'https://idp.exаmple.com',
    `${IDP}\u200B`,
    ` ${IDP}`,
    `${IDP}\0`,
    [IDP],
    { 0: IDP },
    null,
    true,
    '__proto__',
    'constructor',
  ])('is not %j: only the exact text is', async (iss) => {
    expect(await judge(startServer(), await sign({ iss }))).toBe('unknown_issuer')
  })

  it('cannot be in two entries, but may differ by a slash from another one, with keys of its own', async () => {
    const entry = (issuer: string, { publicJwk }: FakeKey) => ({
      issuer,
      audience: AUDIENCE,
      jwks: { keys: [publicJwk] },
    })
    const server = createResourceServer({
      issuers: [entry(IDP, key), entry(`${IDP}/`, attacker)],
      subject: 'namespaced',
      clock: new AdjustableClock(),
    })
    expect(await judge(server, await sign())).toBe(`${IDP}|alice`)
    expect(await judge(server, await sign({ iss: `${IDP}/` }, {}, attacker))).toBe(`${IDP}/|alice`)
    expect(await judge(server, await sign({}, {}, attacker))).toBe('bad_signature')
    expect(await judge(server, await sign({ iss: `${IDP}/` }))).toBe('bad_signature')
    expect(() => createResourceServer({ issuers: [entry(IDP, key), entry(IDP, attacker)] })).toThrow(/issuer/)
  })
})

describe('a forged access token', () => {
  it('is refused with a MAC by the public key, in each of its forms', async () => {
    const publicKey = createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' })
    const texts = [
      publicKey.export({ type: 'spki', format: 'pem' }),
      publicKey.export({ type: 'spki', format: 'der' }),
      JSON.stringify(key.publicJwk),
      String(key.publicJwk.x),
      '',
    ]
    for (const secret of texts) {
      const input = signingInputOf({ alg: 'HS256', kid: 'k', typ: 'at+jwt' }, claims())
      const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
      expect(await judge(startServer(), token)).toBe('algorithm_not_allowed')
    }
  })

  it.each<[string, () => Members]>([
    ['a key', () => ({ jwk: attacker.publicJwk })],
    ['a key without kid', () => ({ jwk: attacker.publicJwk, kid: undefined })],
    ['where its keys are', () => ({ jku: 'https://attacker.example/jwks.json' })],
    ['where its certificate is', () => ({ x5u: 'https://attacker.example/certificate.pem' })],
  ])('is refused that brings %s', async (_, header) => {
    expect(await judge(startServer(), await sign({}, header(), attacker))).toBe('bad_signature')
  })
})

describe('claims of a token that its issuer has signed', () => {
  it.each<[string, Members, string]>([
    ['scopes that are not text', { scope: ['read', 7] }, 'invalid_claim'],
    ['scopes in an array in an array', { scope: [['read']] }, 'invalid_claim'],
    ['scopes that are null', { scope: null }, 'invalid_claim'],
    ['scopes with a line break', { scope: 'read\nadmin' }, 'invalid_claim'],
    ['scopes with a quote', { scp: 'read "admin"' }, 'invalid_claim'],
    ['scopes in an object', { scope: { read: true } }, 'invalid_claim'],
    ['a client with a line break', { client_id: 'a\nb' }, 'invalid_claim'],
    ['a client that is null', { client_id: null }, 'invalid_claim'],
    ['an audience in an array in an array', { aud: [[AUDIENCE]] }, 'invalid_audience'],
    ['a subject that is invisible', { sub: '\u200B' }, 'invalid_subject'],
    ['a subject that is an array', { sub: ['alice'] }, 'invalid_subject'],
    ['an exp that is infinite', { exp: 1e300 }, 'invalid_expiry'],
    ['a jti that is a number', { jti: 1 }, 'invalid_jwt_id'],
    ['a million scopes', { scope: 'read '.repeat(1_000_000) }, 'too_large'],
    ['ten thousand audiences', { aud: [...Array(10_000).keys(), AUDIENCE].map(String) }, 'too_large'],
  ])('are refused for %s', async (_, changes, reason) => {
    expect(await judge(startServer(), await sign(changes))).toBe(reason)
  })

  it('are refused with a name twice, or too deep, however the name is written', async () => {
    const text = JSON.stringify(claims())
    const deep = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`
    const bad = [
      text.replace('{', '{"aud":"https://other.example",'),
      text.replace('{', '{"\\u0061ud":"https://other.example",'),
      text.replace('{', '{"__proto__":{"x":1,"x":2},'),
      text.replace('{', `{"deep":${deep},`),
    ]
    for (const payload of bad) {
      const token = await signAssertion(key, { alg: 'ES256', kid: 'k', typ: 'at+jwt' }, payload)
      expect(await judge(startServer(), token)).toBe('malformed_jwt')
    }
  })

  it('are harmless with the names of a prototype', async () => {
    const server = startServer({ scopeClaims: ['scope', '__proto__.scope', 'constructor.name'] })
    const payload = JSON.stringify(claims({ scope: 'read' })).replace(
      '{',
      '{"__proto__":{"scope":"admin","isAdmin":true},"constructor":{"name":"write"},"toString":1,"hasOwnProperty":1,',
    )
    const auth = await server.verifyAccessToken(
      await signAssertion(key, { alg: 'ES256', kid: 'k', typ: 'at+jwt' }, payload),
    )
    expect(auth.scopes).toEqual(['read', 'admin', 'write']) // As the options name them: own members of the token.
    expect(Object.getPrototypeOf(auth.payload)).toBe(Object.prototype)
    expect(({} as Members).isAdmin).toBeUndefined()
    const without = await server.verifyAccessToken(await sign({ scope: undefined }))
    expect(without.scopes).toEqual([])
  })

  it('may name thousands of scopes and audiences, each scope once, if the token is allowed to be that long', async () => {
    const server = startServer({ maxBytes: 1_048_576 })
    const scope = `${'read '.repeat(5000)}${Array.from({ length: 2000 }, (_, at) => `s${at}`).join(' ')}`
    const aud = [...Array.from({ length: 1000 }, (_, at) => `https://a.example/${at}`), AUDIENCE]
    const auth = await server.verifyAccessToken(await sign({ scope, aud }))
    expect([auth.scopes.length, auth.audience.length]).toEqual([2001, 1001])
  })
})
