import { createPublicKey } from 'node:crypto'
import { joinParts, macToken } from '../support/forged-jwt.js'
import { ACCESS_TOKEN_SHAPES } from './access-token-shapes.js'
import type { Members, MigratingApp } from './migrating-app.js'
import { type RouteCases, statusOf } from './route-case.js'

const now = () => Math.floor(Date.now() / 1000)

/** One token of the identity provider, sent to the route that needs no scope. */
function token(answer: string, claims: () => Members = () => ({}), header: Members = {}): RouteCases[string] {
  return {
    answer,
    send: async (app) => statusOf(await app.get(`Bearer ${await app.accessToken(claims(), header)}`)),
  }
}

function shapes(): RouteCases {
  const cases = Object.entries(ACCESS_TOKEN_SHAPES)
  return Object.fromEntries(
    cases.map(([name, { claims, typ }]) => [`a token in the shape of ${name}`, token('200', () => claims, { typ })]),
  )
}

async function forge(app: MigratingApp, forgery: (claims: Members) => string): Promise<string> {
  const [, payload = ''] = (await app.accessToken()).split('.')
  return statusOf(await app.get(`Bearer ${forgery(JSON.parse(Buffer.from(payload, 'base64url').toString()))}`))
}

async function alterPayload(app: MigratingApp): Promise<string> {
  const [header, , signature] = (await app.accessToken()).split('.')
  const [, payload] = (await app.accessToken({ sub: 'admin' })).split('.')
  return statusOf(await app.get(`Bearer ${header}.${payload}.${signature}`))
}

function macByPublicKey(app: MigratingApp): Promise<string> {
  const { publicJwk, kid } = app.idp.signingKey
  const pem = createPublicKey({ key: { ...publicJwk }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  return forge(app, (claims) => macToken({ alg: 'HS256', typ: 'at+jwt', kid }, claims, pem))
}

/** Tokens that differ in what they say. */
export const CLAIMS: RouteCases = {
  'a good token': token('200'),
  'a token for several audiences': token('200', () => ({
    aud: ['https://other.example.com', 'https://api.example.com'],
  })),
  ...shapes(),
  'an expired token': token('401', () => ({ exp: now() - 600 })),
  'a token that expired 20 seconds ago': token('401', () => ({ exp: now() - 20 })),
  'a token without `exp`': token('401', () => ({ exp: undefined })),
  'a token without `sub`': token('401', () => ({ sub: undefined })),
  'a token that is not valid yet': token('401', () => ({ nbf: now() + 600 })),
  'a token for another audience': token('401', () => ({ aud: 'https://other.example.com' })),
  'a token without `aud`': token('401', () => ({ aud: undefined })),
  'a token of another issuer': token('401', () => ({ iss: 'https://other.example.com' })),
  'a token of the type `logout+jwt`': token('401', () => ({}), { typ: 'logout+jwt' }),
  'an ID token whose `aud` is this API': token('401', () => ({ nonce: 'n', at_hash: 'h' }), { typ: 'JWT' }),
  'a token that is bound to a key, without proof': token('401', () => ({ cnf: { jkt: 'x'.repeat(43) } })),
}

/** Tokens that the identity provider did not sign. */
export const FORGERIES: RouteCases = {
  'text that is not a JWT': { answer: '401', send: async (app) => statusOf(await app.get('Bearer nonsense')) },
  'an altered payload': { answer: '401', send: alterPayload },
  'an unsigned token, `alg: none`': {
    answer: '401',
    send: (app) => forge(app, (claims) => joinParts({ alg: 'none', typ: 'at+jwt' }, claims)),
  },
  'the public key used as a secret, `alg: HS256`': { answer: '401', send: macByPublicKey },
  'a made-up `kid`': token('401', () => ({}), { kid: 'made-up' }),
}
