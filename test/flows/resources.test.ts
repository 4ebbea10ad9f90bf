import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { RequestHandler } from 'express'
import { decodeJwt } from 'jose'
import passport from 'passport'
import {
  type ClientOptions,
  type ExplainOptions,
  type Grant,
  generateSigningKey,
  getAuth,
  type JwtExchangeOptions,
} from '../../src/index.js'
import { CLIENT, type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'
import { PRIVATE_JWK, type RouteHost, startRouteHost } from '../support/route-host.js'

const ORDERS = 'https://api.example.com/orders'
const BILLING = 'https://billing.example.com'
const GRANT_TYPE = 'urn:example:grant-type:voucher'
const SCOPES = ['orders:read', 'bills:read', 'shared']
const resources = [
  { identifier: ORDERS, scopes: ['orders:read', 'shared'], lifetime: 300 },
  { identifier: BILLING, scopes: ['bills:read', 'shared'], lifetime: 120 },
]
const clients = new Map<string, unknown>()
/** What the grant of the host gives. */
let granted: object = {}

let host: ExchangeHost
beforeAll(async () => {
  const grant = {
    grantType: GRANT_TYPE,
    authorize: async (request, _, { authorizeAssertion }) => {
      const assertion = request.one('assertion')
      return { ...(assertion === undefined ? {} : await authorizeAssertion(assertion)), ...granted }
    },
  } as Grant
  const exchange: Partial<JwtExchangeOptions> = {
    resources,
    grants: [grant],
    findClient: (clientId) => clients.get(clientId) as ClientOptions | undefined,
    accessToken: { audience: ORDERS, signingKeys: [generateSigningKey()] },
  }
  const bindings = [
    { name: 'orders', scopes: ['orders:read', 'shared'], resources: [ORDERS] },
    { name: 'bills', scopes: ['bills:read', 'shared'], resources: [BILLING], when: { team: 'billing' } },
  ]
  host = await startExchangeHost({ exchange, identityProvider: { bindings } })
})
afterAll(() => host.close())

/** What the client obtains: audience, scope, lifetime, and the resource that the answer names; or the error. */
async function obtain(parameters: Record<string, string>, client: object = {}) {
  clients.set(CLIENT.clientId, { ...CLIENT, scopes: SCOPES, ...client })
  const { body } = await host.post(parameters)
  if (body.error !== undefined) return body.error
  return [decodeJwt(body.access_token).aud, body.scope, body.expires_in, body.resource]
}

async function exchangeFor(resource: string | undefined, client: object = {}) {
  const assertion = await host.idp.issueAssertion({ team: 'billing' })
  return obtain(
    { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion, ...(resource && { resource }) },
    client,
  )
}

describe('a client that is looked up', () => {
  it.each([
    ['text', BILLING],
    ['null', null],
    ['a number in a list', [1]],
  ])('is answered with 503 if its resources are %s', async (_, given) => {
    expect(await exchangeFor(BILLING, { resources: given })).toBe('temporarily_unavailable')
    expect(host.lastReason()).toBe('client_lookup_failed')
  })

  it('obtains nothing for a resource that is not its own, or with resources that nobody knows', async () => {
    expect(await exchangeFor(ORDERS, { resources: [BILLING] })).toBe('invalid_target')
    expect(await exchangeFor(undefined, { resources: [BILLING] })).toBe('invalid_target')
    expect(await exchangeFor(BILLING, { resources: ['https://else.example.com', `${BILLING}/v2`] })).toBe(
      'invalid_target',
    )
    expect(await exchangeFor(ORDERS, { resources: [] })).toBe('invalid_target')
  })

  it('may have its resources in another spelling that means the same', async () => {
    const expected = [BILLING, 'bills:read shared', 120, BILLING]
    expect(await exchangeFor(BILLING, { resources: [`${BILLING.toUpperCase()}/`] })).toEqual(expected)
  })
})

describe('a grant of the host', () => {
  const redeem = (access: object, parameters: Record<string, string> = {}, client = {}) => {
    granted = access
    return obtain({ grant_type: GRANT_TYPE, ...parameters }, client)
  }
  const good = { subject: 'alice', scopes: SCOPES }

  it('gives no resource that is unknown, of another client, or not requested', async () => {
    expect(await redeem({ ...good, audiences: ['https://else.example.com'] })).toBe('invalid_target')
    expect(await redeem({ ...good, audiences: [ORDERS] }, {}, { resources: [BILLING] })).toBe('invalid_target')
    expect(await redeem(good, {}, { resources: [BILLING] })).toBe('invalid_target')
    expect(await redeem({ ...good, audiences: [ORDERS] }, { resource: BILLING })).toBe('invalid_target')
    expect(await redeem({ ...good, audiences: [ORDERS, BILLING] }, { resource: BILLING })).toBe('invalid_target')
    expect(await redeem({ ...good, audiences: [BILLING] }, { resource: `${BILLING}/v2` })).toBe('invalid_target')
  })

  it('gives only scopes of all its resources, and lives no longer than each of them allows', async () => {
    expect(await redeem({ ...good, lifetime: 3000 })).toEqual([ORDERS, 'orders:read shared', 300, undefined])
    expect(await redeem(good, { resource: `${BILLING}/` })).toEqual([BILLING, 'bills:read shared', 120, BILLING])
    expect(await redeem({ ...good, audiences: [ORDERS, BILLING] })).toEqual([
      [ORDERS, BILLING],
      'shared',
      120,
      undefined,
    ])
    expect(await redeem({ ...good, scopes: ['bills:read'] })).toBe('invalid_scope')
    expect(await redeem({ ...good, scopes: [] })).toEqual([ORDERS, undefined, 300, undefined])
  })

  it('gives by an assertion what the bindings give for the resource, and cannot widen it', async () => {
    const assertion = () => host.idp.issueAssertion({ team: 'billing' })
    expect(await redeem({}, { assertion: await assertion(), resource: BILLING })).toEqual([
      ...[BILLING, 'bills:read shared', 120, BILLING],
    ])
    expect(await redeem({}, { assertion: await assertion() })).toEqual([ORDERS, 'orders:read shared', 300, undefined])
    expect(await redeem({ audiences: [BILLING] }, { assertion: await assertion() })).toBe('invalid_target')
    const others = await host.idp.issueAssertion({})
    expect(await redeem({}, { assertion: others, resource: BILLING })).toBe('invalid_target')
  })

  it('cannot say in the answer that another resource was granted', async () => {
    const access = { ...good, response: { resource: BILLING, issued_token_type: 'x' } }
    expect(await redeem(access)).toEqual([ORDERS, 'orders:read shared', 300, undefined])
    expect(await redeem(access, { resource: ORDERS })).toEqual([ORDERS, 'orders:read shared', 300, ORDERS])
  })
})

describe('exchange.explain', () => {
  const explain = async (options: ExplainOptions, client = {}) => {
    clients.set(CLIENT.clientId, { ...CLIENT, scopes: SCOPES, ...client })
    const assertion = await host.idp.issueAssertion({ team: 'billing' })
    const { steps, accessToken, reason } = await host.exchange.explain(assertion, {
      clientId: CLIENT.clientId,
      ...options,
    })
    const found = steps.find(({ step }) => step === 'resource')
    return { reason, accessToken, found, scope: steps.find(({ step }) => step === 'scope') }
  }

  it.each([[undefined], [7], [['']], [[undefined]], [{}]])('refuses the resource %j', async (resource) => {
    await expect(explain({ resource } as unknown as ExplainOptions)).rejects.toMatchObject({ name: 'ConfigError' })
  })

  it.each<[string, ExplainOptions, object, string]>([
    ['is unknown', { resource: `${BILLING}/v2` }, {}, 'no resource has this identifier'],
    ['is not a URI', { resource: ['/x'] }, {}, 'a resource is an absolute URI'],
    [
      'is not of the client',
      { resource: [ORDERS, BILLING] },
      { resources: [ORDERS] },
      'not one of the resources of the client',
    ],
    [
      'is only the default, and not of the client',
      {},
      { resources: [BILLING] },
      'not one of the resources of the client',
    ],
  ])('says why a resource is refused that %s', async (_, options, client, hint) => {
    const { reason, found } = await explain(options, client)
    expect([reason, found?.outcome]).toEqual(['invalid_target', 'failed'])
    expect(found?.hint).toContain(hint)
  })

  it('shows the resources that can be granted, and how they bound scopes and lifetime', async () => {
    const { found, scope, accessToken } = await explain({ resource: `${BILLING}/` })
    expect(found).toMatchObject({
      outcome: 'passed',
      expected: `one of ${ORDERS}; ${BILLING}`,
      found: `requested: ${BILLING}/`,
    })
    expect(scope?.expected).toContain('of the resources: bills:read shared')
    expect(accessToken).toMatchObject({ audiences: [BILLING], scopes: ['bills:read', 'shared'], lifetime: 120 })
    const byDefault = await explain({})
    expect(byDefault.found?.found).toBe(`by default: ${ORDERS}`)
    expect(byDefault.accessToken).toMatchObject({ audiences: [ORDERS], lifetime: 300 })
  })

  it('says which scope does not belong to each of the resources', async () => {
    const { reason, scope } = await explain({ scope: 'bills:read', resource: [ORDERS, BILLING] })
    expect([reason, scope?.hint]).toEqual([
      'invalid_scope',
      expect.stringContaining('not in the scopes of the resources'),
    ])
  })
})

describe('a route with resources', () => {
  const UNKNOWN = 'https://api.example.com/unknown'
  let routes: RouteHost
  beforeAll(async () => {
    routes = await startRouteHost(5, { resources, accessToken: { audience: ORDERS, signingKeys: [PRIVATE_JWK] } })
    const answer: RequestHandler = (req, res) => void res.json(getAuth(req).audience)
    const authenticator = new passport.Passport().use(routes.exchange.accessTokenStrategy)
    const byPassport = (options: object) => authenticator.authenticate('access-token', { session: false, ...options })
    routes.app.get('/default', routes.exchange.protect(), answer)
    routes.app.get('/billing', routes.exchange.protect({ resource: `${BILLING.toUpperCase()}/` }), answer)
    routes.app.get('/unknown', routes.exchange.protect({ resource: UNKNOWN }), answer)
    routes.app.get('/passport', byPassport({}), answer)
    routes.app.get('/passport-billing', byPassport({ resource: BILLING }), answer)
  })
  afterAll(() => routes.close())

  /** The paths of the routes that let a token with this audience pass. */
  async function pathsFor(aud: unknown): Promise<string[]> {
    const token = await routes.token({ aud })
    const passed: string[] = []
    for (const path of ['/default', '/billing', '/unknown', '/passport', '/passport-billing']) {
      const { status } = await routes.get(path, token)
      if (status === 200) passed.push(path)
      else expect([path, status]).toEqual([path, 401])
    }
    return passed
  }

  it('refuses a token for another resource, and a token for none that is registered', async () => {
    expect(await pathsFor(UNKNOWN)).toEqual([])
    expect(await pathsFor(`${BILLING}/`)).toEqual([])
    expect(await pathsFor([UNKNOWN, 'x'])).toEqual([])
    expect(routes.events.at(-1)).toMatchObject({ name: 'access.denied', reason: 'wrong_audience' })
  })

  it('accepts a token for its resource, which is the default if it names none', async () => {
    expect(await pathsFor(ORDERS)).toEqual(['/default', '/passport'])
    expect(await pathsFor(BILLING)).toEqual(['/billing', '/passport-billing'])
    expect(await pathsFor([BILLING, ORDERS])).toEqual(['/default', '/billing', '/passport', '/passport-billing'])
  })

  it('challenges for its own resource alone', async () => {
    const challengeOf = async (path: string) => (await routes.get(path)).headers['www-authenticate']
    const metadata = '.well-known/oauth-protected-resource'
    expect(await challengeOf('/default')).toContain(`resource_metadata="https://api.example.com/${metadata}/orders"`)
    for (const path of ['/billing', '/passport-billing']) {
      expect(await challengeOf(path)).toContain(`resource_metadata="${BILLING}/${metadata}"`)
    }
    expect(await challengeOf('/unknown')).not.toContain('resource_metadata')
  })

  it('makes the same check without HTTP', async () => {
    const { exchange } = routes
    const [orders, billing] = [await routes.token({ aud: ORDERS }), await routes.token({ aud: BILLING })]
    const rejected = { name: 'TokenRejected', reason: 'wrong_audience', context: { audience: BILLING } }
    await expect(exchange.verifyAccessToken(billing)).rejects.toMatchObject(rejected)
    await expect(exchange.verifyAccessToken(billing, { resource: ORDERS })).rejects.toMatchObject(rejected)
    await expect(exchange.verifyAccessToken(billing, { resource: UNKNOWN })).rejects.toMatchObject(rejected)
    expect((await exchange.verifyAccessToken(billing, { resource: `${BILLING}/` })).audience).toEqual([BILLING])
    expect((await exchange.verifyAccessToken(orders)).audience).toEqual([ORDERS])
    expect((await exchange.verifyAccessToken(orders, {})).audience).toEqual([ORDERS])
    for (const options of [undefined, null, 7, { resources: ORDERS }, { resource: undefined }, { resource: '' }]) {
      const outcome = exchange.verifyAccessToken(orders, options as { resource: string })
      await expect(outcome).rejects.toMatchObject({ name: 'ConfigError' })
    }
  })

  it('refuses every token if it names no resource and there is no default, and follows reconfigure', async () => {
    routes.reconfigure({ resources, accessToken: { signingKeys: [PRIVATE_JWK] } })
    expect(await pathsFor(ORDERS)).toEqual([])
    expect(await pathsFor([BILLING, ORDERS])).toEqual(['/billing', '/passport-billing'])
    routes.reconfigure({ resources, accessToken: { audience: BILLING, signingKeys: [PRIVATE_JWK] } })
    expect(await pathsFor(BILLING)).toEqual(['/default', '/billing', '/passport', '/passport-billing'])
    routes.reconfigure({ accessToken: { audience: [ORDERS, BILLING], signingKeys: [PRIVATE_JWK] } })
    expect(await pathsFor(ORDERS)).toEqual(['/default', '/passport'])
    expect(await pathsFor(BILLING)).toEqual(['/default', '/billing', '/passport', '/passport-billing'])
  })
})
