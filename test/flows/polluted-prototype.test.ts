import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type ClientOptions, generateSigningKey, type JwtExchangeOptions } from '../../src/index.js'
import { FakeIdentityProvider, type FakeKey, signAssertion } from '../../src/testing/index.js'
import { encodePart } from '../support/compact-jws.js'
import { createDeploymentFile, type DeploymentFile, deploymentOf } from '../support/deployment-file.js'
import { AUDIENCE, GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const CLIENT = { clientId: 'app', clientSecret: 'app-secret-of-the-tests', scopes: ['orders:read', 'admin'] }
const CLIENTS: ClientOptions[] = [CLIENT, { clientId: 'bare', clientSecret: 'bare-secret-of-the-tests' }]
const signingKey = generateSigningKey()
const ownKey: FakeKey = { kid: signingKey.kid ?? '', algorithm: 'ES256', privateJwk: signingKey, publicJwk: {} }

/** In which the members below are added. */
const GROUPS = 16

/** Members that another library may add to `Object.prototype`, with what would do most harm. */
const POLLUTION: Readonly<Record<string, unknown>> = {
  // Claims
  iss: ISSUER,
  sub: 'admin',
  aud: [AUDIENCE, TOKEN_ENDPOINT],
  exp: 9_999_999_999,
  nbf: 9_999_999_999,
  iat: 9_999_999_999,
  jti: 'always-the-same',
  scope: 'orders:read admin',
  client_id: 'app',
  idp: 'https://else.example.com',
  cnf: { jkt: 'x' },
  act: { sub: 'x' },
  events: {},
  nonce: 'n',
  at_hash: 'h',
  c_hash: 'h',
  htm: 'POST',
  htu: 'x',
  token_introspection: {},
  tenant: 'acme',
  groups: ['admins'],
  // Headers of tokens
  typ: 'at+jwt',
  alg: 'ES256',
  kid: 'x',
  crit: ['x'],
  b64: false,
  x5t: 'x',
  // Members of keys, key sets and metadata; not `d`: Node's own import of a JWK takes an inherited one and fails.
  kty: 'RSA',
  use: 'enc',
  key_ops: ['encrypt'],
  keys: [],
  crv: 'P-384',
  n: 'AQAB',
  e: 'AQAB',
  x: 'AQAB',
  y: 'AQAB',
  k: 'AQAB',
  x5c: ['x'],
  issuer: 'https://else.example.com',
  jwks_uri: 'https://else.example.com/jwks',
  // Parameters of requests
  grant_type: GRANT_TYPE,
  assertion: 'x.y.z',
  client_secret: 'app-secret-of-the-tests',
  client_assertion: 'x',
  access_token: 'x',
  resource: 'https://else.example.com',
  // Options
  enabled: false,
  allowedSubjects: 'any',
  scopes: ['admin'],
  scopeClaim: 'sub',
  claims: { tenant: 'else' },
  bindings: [],
  types: ['at+jwt'],
  algorithms: ['RS512'],
  alias: 'else',
  profile: 'workload',
  audiences: ['else'],
  audience: 'else',
  maxAge: 1,
  requireIat: true,
  requireJti: true,
  soleAudience: true,
  maxLifetime: 1,
  lifetime: 1,
  replay: 'allow',
  identityProviders: [],
  grantTypes: [],
  clients: [],
  clientId: 'else',
  clientSecret: 'else-secret-of-the-tests',
  signingKeys: [],
  requireHttps: true,
  jwks: { keys: [] },
  certificates: [],
  discovery: true,
  when: {},
  env: {},
  options: { issuer: 'https://else.example.com' },
  refusals: { documentation: 'https://else.example.com' },
  documentation: 'https://else.example.com',
  replayStores: {},
  store: 'redis',
  // Options of routes, and what is made of them
  anyScope: ['admin'],
  requiredClaims: { tenant: 'else' },
  issuers: ['https://else.example.com'],
  check: true,
  optional: true,
  getToken: 'x',
  passErrors: true,
  jsonErrors: true,
  impliedScopes: { openid: ['admin'] },
  challenged: { scopes: ['x'] },
  // Members of errors, and of what is made of them
  code: 'ENOENT',
  uri: 'https://else.example.com',
  reason: 'expired',
  retryAfter: 9999,
  cause: { message: 'x' },
  context: { identityProvider: 'x' },
  // Members of what a grant gives
  subject: 'admin',
  latestExpiry: 9_999_999_999,
  identityProvider: 'https://else.example.com',
  response: { access_token: 'x' },
  tokenType: 'x',
  repeatableParameters: ['scope'],
}
/** Milliseconds of a test, which asks a hundred times. */
const TIMEOUT = 30_000
/** Values for all of them at once, which crash what takes them for real. */
const SENSELESS: readonly unknown[] = [null, true, 0, '', 'x', [], {}]

let idp: FakeIdentityProvider
let child: ChildProcess
let port: number
let file: DeploymentFile
const assertions: Record<string, string> = {}
const accessTokens: Record<string, string> = {}
let lastId = 0

function options(): JwtExchangeOptions {
  const { name, jwksUri } = idp
  return {
    issuer: ISSUER,
    identityProviders: [
      { name, jwksUri, replay: 'allow', requiredClaims: { team: ['orders', 'x'] }, allowedSubjects: ['alice', 'bob'] },
    ],
    clients: CLIENTS,
    accessToken: { audience: AUDIENCE, signingKeys: [signingKey] },
  }
}

function call(name: string, argument?: unknown): Promise<unknown> {
  lastId += 1
  const id = lastId
  return new Promise((resolve) => {
    const listener = (message: { id: number; result: unknown }) => {
      if (message.id !== id) return
      child.off('message', listener)
      resolve(message.result)
    }
    child.on('message', listener)
    child.send({ id, call: name, argument })
  })
}

function without(object: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => key !== name))
}

async function makeTokens(): Promise<void> {
  const now = Math.floor(Date.now() / 1000)
  const header = { alg: 'ES256', kid: idp.signingKey.kid, typ: 'JWT' }
  const dates = { iat: now, exp: now + 3000 }
  const claims = { iss: idp.name, sub: 'alice', aud: TOKEN_ENDPOINT, ...dates, jti: 'j', team: 'orders' }
  assertions.good = await signAssertion(idp.signingKey, header, claims)
  for (const name of Object.keys(claims))
    assertions[`without ${name}`] = await signAssertion(idp.signingKey, header, without(claims, name))
  for (const name of ['kid', 'typ'])
    assertions[`header without ${name}`] = await signAssertion(
      idp.signingKey,
      without(header, name) as { alg: string },
      claims,
    )
  assertions['header without alg'] =
    `${encodePart({ kid: header.kid })}.${assertions.good.split('.').slice(1).join('.')}`
  const own = { alg: 'ES256', kid: ownKey.kid, typ: 'at+jwt' }
  const ofAccess = { ...claims, iss: ISSUER, aud: AUDIENCE, client_id: 'app', scope: 'orders:read', idp: idp.name }
  accessTokens.good = await signAssertion(ownKey, own, ofAccess)
  for (const name of Object.keys(ofAccess))
    accessTokens[`without ${name}`] = await signAssertion(ownKey, own, without(ofAccess, name))
  for (const name of ['kid', 'typ'])
    accessTokens[`header without ${name}`] = await signAssertion(
      ownKey,
      without(own, name) as { alg: string },
      ofAccess,
    )
}

const BASIC = `Basic ${Buffer.from('app:app-secret-of-the-tests').toString('base64')}`

async function post(parameters: Record<string, string>, authorization: string | undefined = BASIC): Promise<unknown[]> {
  const response = await fetch(`http://127.0.0.1:${port}/oauth2/token`, {
    method: 'POST',
    headers: authorization === '' ? {} : { authorization },
    body: new URLSearchParams(parameters),
  })
  const body = (await response.json()) as { access_token?: string; error?: string; scope?: string }
  const [, payload = ''] = body.access_token?.split('.') ?? []
  const claims = payload === '' ? {} : JSON.parse(Buffer.from(payload, 'base64url').toString())
  return [response.status, body.error, body.scope, { ...claims, iat: 0, exp: claims.exp - claims.iat, jti: '' }]
}

async function get(path: string, token?: string): Promise<unknown> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
  return [response.status, response.headers.get('www-authenticate'), response.status === 200 && (await response.json())]
}

/** Everything that the process does, as it is seen from outside, and the reasons that its operator sees. */
async function observe(): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {}
  const note = async (what: string, result: unknown) => {
    seen[what] = { result, reasons: await call('reasons') }
  }
  // Another text each time, so that it is read again: a good key, one without members, and one without kid and alg.
  const { kid: _, alg: __, ...bare } = { alg: '', ...idp.signingKey.publicJwk }
  idp.publish([{ ...idp.signingKey.publicJwk, version: lastId }, {}, bare, { kty: 'EC', kid: 'x' }])
  seen.refreshed = await call('refresh', idp.name)
  for (const [name, assertion] of Object.entries(assertions)) {
    await note(`exchange ${name}`, await post({ grant_type: GRANT_TYPE, assertion }))
    await note(`/whoami ${name}`, await get('/whoami', assertion))
  }
  for (const [name, token] of Object.entries(accessTokens)) await note(`/orders ${name}`, await get('/orders', token))
  for (const name of ['good', 'without scope'])
    for (const path of ['/open', '/me', '/admin']) await note(`${path} ${name}`, await get(path, accessTokens[name]))
  for (const path of ['/open', '/orders', '/me', '/admin', '/whoami']) await note(`${path} alone`, await get(path))
  const { good = '' } = assertions
  await note('no grant type', await post({ assertion: good }))
  await note('no assertion', await post({ grant_type: GRANT_TYPE }))
  await note('no client', await post({ grant_type: GRANT_TYPE, assertion: good }, ''))
  await note('no secret', await post({ grant_type: GRANT_TYPE, assertion: good, client_id: 'app' }, ''))
  await note('a grant of the host', await post({ grant_type: 'urn:example:own' }))
  await note('a scope', await post({ grant_type: GRANT_TYPE, assertion: good, scope: 'admin' }))
  for (const name of ['good', 'without sub', 'without jti', 'header without kid'])
    seen[`explain ${name}`] = await call('explain', assertions[name])
  seen.checked = await call('check', options())
  seen.bare = await call('check', without({ ...options() }, 'accessToken'))
  const { name } = idp
  const { publicJwk } = idp.signingKey
  const fixed = [{ name, allowedSubjects: 'any', jwks: { keys: [without(publicJwk, 'kid'), publicJwk] } }]
  seen.fixed = await call('check', { ...options(), identityProviders: fixed })
  seen.nobody = await call('check', { ...options(), identityProviders: [{ name, jwksUri: idp.jwksUri }] })
  seen.loaded = await call('load', file.path)
  return seen
}

async function observeUnder(members: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
  await call('pollute', members)
  try {
    return await observe()
  } finally {
    await call('clean', Object.keys(members))
  }
}

let baseline: Record<string, unknown>

beforeAll(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
  file = createDeploymentFile()
  file.write(
    `${deploymentOf()}[[identity_provider]]\nname = "idp"\njwks_uri = "https://idp.example.com/jwks"\nallowed_subjects = "any"\n`,
  )
  await makeTokens()
  child = spawn(process.execPath, ['test/support/polluted-host.js'], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await new Promise((resolve) => child.once('message', resolve))
  port = Number(await call('start', options()))
  baseline = await observe()
}, TIMEOUT)
afterAll(async () => {
  child.kill()
  file.remove()
  await idp.close()
})

describe('an extended Object.prototype', () => {
  it('is compared with a process that serves', () => {
    expect(baseline['exchange good']).toMatchObject({ result: [200, undefined, 'orders:read admin', { sub: 'alice' }] })
    expect(baseline['/orders good']).toMatchObject({ result: [200, null, { caller: { sub: 'alice' } }] })
    expect(baseline['/orders without scope']).toMatchObject({ reasons: ['insufficient_scope'] })
    expect(baseline['/admin good']).toMatchObject({ reasons: ['insufficient_scope'] })
    expect(baseline['/whoami good']).toMatchObject({ result: [200, null, expect.anything()] })
    expect(baseline['exchange header without kid']).toMatchObject({ result: [200, undefined, 'orders:read admin', {}] })
    const refused = Object.values(baseline).filter((each) => JSON.stringify(each).includes('"reasons":["'))
    expect(refused.length).toBeGreaterThan(30)
    expect(baseline.checked).toBe(JSON.stringify([[idp.name, true]]))
    expect(baseline.nobody).toMatch(/^ConfigError/)
    expect(baseline.loaded).toMatch(/^\{"issuer"/)
  })

  // Some at a time, of different kinds: one that has an effect is seen among others that have none.
  const groups = Array.from({ length: GROUPS }, (_, group) =>
    Object.entries(POLLUTION).filter((__, index) => index % GROUPS === group),
  )
  it.each(groups.map((members) => [members.map(([name]) => name).join(', '), members] as const))(
    'grants, refuses and crashes nothing by the members %s',
    async (_, members) => {
      expect(await observeUnder(Object.fromEntries(members))).toEqual(baseline)
    },
    TIMEOUT,
  )

  it.each(SENSELESS.map((value) => [JSON.stringify(value), value]))(
    'grants, refuses and crashes nothing by members that are all %s',
    async (_, value) => {
      expect(await observeUnder(Object.fromEntries(Object.keys(POLLUTION).map((name) => [name, value])))).toEqual(
        baseline,
      )
    },
    TIMEOUT,
  )

  it(
    'grants, refuses and crashes nothing by all of them together',
    async () => {
      expect(await observeUnder(POLLUTION)).toEqual(baseline)
    },
    TIMEOUT,
  )

  // Node itself drops the header of a request then, so that no request is authenticated at all.
  it('authenticates nobody by an inherited Authorization header', async () => {
    for (const authorization of [`Bearer ${accessTokens.good}`, `Bearer ${assertions.good}`, BASIC]) {
      await call('pollute', { authorization })
      try {
        const scopes: Readonly<Record<string, string>> = { '/orders': 'orders:read', '/admin': 'admin' }
        for (const path of ['/open', '/orders', '/me', '/admin', '/whoami']) {
          const scope = Object.hasOwn(scopes, path) ? `, scope="${scopes[path]}"` : ''
          expect(await get(path)).toEqual([401, `Bearer realm="${ISSUER}"${scope}`, false])
        }
        const [status] = await post({ grant_type: GRANT_TYPE, assertion: assertions.good ?? '' }, '')
        expect(status).toBe(401)
      } finally {
        await call('clean', ['authorization'])
      }
    }
  })
})
