import { createPrivateKey, sign } from 'node:crypto'
import type { RequestHandler } from 'express'
import { decodeJwt } from 'jose'
import passport from 'passport'
import { AccessTokenStrategy, generateSigningKey, type JwtExchange, type ResourceServer } from '../../src/index.js'
import { CLIENT_ASSERTION_TYPE } from '../support/client-assertions.js'
import { signingInputOf, withSignature } from '../support/compact-jws.js'
import {
  AUDIENCE,
  CLIENT,
  type ExchangeHost,
  GRANT_TYPE,
  type RecordedEvent,
  startExchangeHost,
} from '../support/exchange-host.js'
import { sendRequest } from '../support/send-request.js'
import { type AnsweringIssuer, startAnsweringIssuer } from './answering-issuer.js'
import {
  ALL_AUDIENCES,
  createExchangeOfTwo,
  createServers,
  exchangeOptions,
  FOUND_ISSUER,
  ISSUER_OF_ALL,
  LOOSE_ISSUER,
  OF_ASSERTIONS,
  OF_CLIENTS,
  OF_ROUTES,
  type Servers,
} from './token-deployments.js'
import { type Members, OTHER_RESOURCE, type Target } from './token-kinds.js'

const BY_SECRET = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret }

/** One place where tokens are presented. */
interface Place extends Target {
  /** Whether it accepts the token. Any other answer than the two that are due is an error. */
  accepts(token: string): Promise<boolean>
}

export interface TokenPlaces {
  places: Readonly<Record<PlaceName, Place>>
  sign(header: Members, claims: Members): string
  /** An opaque token that stands for these claims. */
  refer: AnsweringIssuer['refer']
  revoke(token: string): Promise<void>
  close(): Promise<void>
}

export const PLACE_NAMES = [
  ...[
    'protect',
    'verifyAccessToken, of a loose issuer',
    'verifyAccessToken, of an issuer at run time',
    'verifyAccessToken',
  ],
  ...['Passport access-token', 'Passport access-token, of a loose issuer', 'Passport jwt-assertion'],
  ...['assertion', 'assertion of a loose issuer', 'assertion of an issuer at run time', 'client_assertion'],
  ...['introspect, the token', 'introspect, the client', 'revoke, the token', 'revoke, the client'],
  ...['resource server', 'resource server through AccessTokenStrategy', 'resource server for JWT and none'],
  ...['resource server of several issuers', 'resource server of several issuers, the loose one'],
  ...['resource server with introspection', 'resource server for opaque tokens'],
  ...['protect, of one resource of two', 'protect, of the other resource of two'],
] as const
export type PlaceName = (typeof PLACE_NAMES)[number]

/** One key signs for everybody, by the same `kid`: only the claims and the type say what a token is. */
export async function startTokenPlaces(): Promise<TokenPlaces> {
  const privateJwk = generateSigningKey('ES256')
  const { d: _, ...publicJwk } = privateJwk
  const key = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
  const jwks = { keys: [publicJwk] }
  const host = await startExchangeHost({ exchange: exchangeOptions(privateJwk, jwks) })
  host.server.keepAliveTimeout = 0 // A connection that is closed while a request is on its way would fail it.
  const answering = await startAnsweringIssuer()
  const servers = createServers(jwks, { ours: `${host.url}/oauth2/introspect`, theirs: answering.url })
  const ofTwo = createExchangeOfTwo(privateJwk, jwks)
  mountRoutes(host, servers, ofTwo)
  return {
    places: createPlaces(host, servers),
    sign: (header, claims) => {
      const input = signingInputOf({ alg: 'ES256', kid: privateJwk.kid, ...header }, claims)
      return withSignature(input, sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }))
    },
    refer: answering.refer,
    revoke: async (token) => {
      for (const exchange of [host.exchange, ofTwo]) await exchange.revoke({ token })
    },
    close: async () => {
      for (const each of [...Object.values(servers), ofTwo]) each.close()
      await host.close()
      await answering.close()
    },
  }
}

function mountRoutes({ app, exchange }: ExchangeHost, { strict }: Servers, ofTwo: JwtExchange): void {
  const end: RequestHandler = (_req, res) => void res.end()
  app.get('/protect', exchange.protect(), end)
  app.get('/strict', strict.protect(), end)
  app.get('/one-of-two', ofTwo.protect({ resource: AUDIENCE }), end)
  app.get('/other-of-two', ofTwo.protect({ resource: OTHER_RESOURCE }), end)
  const authenticator = new passport.Passport()
  authenticator.use(new AccessTokenStrategy({ from: strict }, async ({ sub }) => ({ sub })))
  app.get('/strict-passport', authenticator.authenticate('access-token', { session: false }), end)
}

function createPlaces(host: ExchangeHost, servers: Servers): TokenPlaces['places'] {
  const route = (path: string, issuer: string, audiences: readonly string[]): Place => ({
    ...{ issuer, audiences },
    accepts: (token) => isLetIn(`${host.url}${path}`, token),
  })
  const asAssertion = (issuer: string, audiences: readonly string[]): Place => ({
    ...{ issuer, audiences },
    accepts: async (assertion) => {
      const answer = await post(`${host.url}/oauth2/token`, { grant_type: GRANT_TYPE, assertion, ...BY_SECRET })
      return choose(answer, { yes: '200', no: '400 invalid_grant' })
    },
  })
  const asClient = (path: string, form: Record<string, string>, yes: string): Place => ({
    ...{ issuer: ISSUER_OF_ALL, audiences: OF_CLIENTS },
    accepts: async (assertion) => {
      const client = { client_assertion_type: CLIENT_ASSERTION_TYPE, client_assertion: assertion }
      return choose(await post(`${host.url}/oauth2/${path}`, { ...form, ...client }), { yes, no: '401 invalid_client' })
    },
  })
  const asToken = (path: string, isDone: (answer: Answer, token: string) => boolean): Place => ({
    ...{ issuer: ISSUER_OF_ALL, audiences: ALL_AUDIENCES },
    accepts: async (token) => {
      const answer = await post(`${host.url}/oauth2/${path}`, { token, ...BY_SECRET })
      if (answer.status !== 200) throw new Error(`${path} answered ${answer.status} ${answer.error}`)
      return isDone(answer, token)
    },
  })
  return {
    protect: route('/protect', ISSUER_OF_ALL, ALL_AUDIENCES),
    verifyAccessToken: verifier(host.exchange, ISSUER_OF_ALL, ALL_AUDIENCES),
    'verifyAccessToken, of a loose issuer': verifier(host.exchange, LOOSE_ISSUER, OF_ROUTES),
    'verifyAccessToken, of an issuer at run time': verifier(host.exchange, FOUND_ISSUER, ALL_AUDIENCES),
    'Passport access-token': route('/me', ISSUER_OF_ALL, ALL_AUDIENCES),
    'Passport access-token, of a loose issuer': route('/me', LOOSE_ISSUER, OF_ROUTES),
    'Passport jwt-assertion': route('/whoami', ISSUER_OF_ALL, ALL_AUDIENCES),
    assertion: asAssertion(ISSUER_OF_ALL, ALL_AUDIENCES),
    'assertion of a loose issuer': asAssertion(LOOSE_ISSUER, OF_ASSERTIONS),
    'assertion of an issuer at run time': asAssertion(FOUND_ISSUER, ALL_AUDIENCES),
    client_assertion: asClient('token', { grant_type: GRANT_TYPE, assertion: 'none' }, '400 invalid_grant'),
    'introspect, the token': asToken('introspect', ({ active }) => active === true),
    'introspect, the client': asClient('introspect', { token: 'none' }, '200'),
    'revoke, the token': asToken('revoke', (_, token) => wasRevoked(host, token)),
    'revoke, the client': asClient('revoke', { token: 'none' }, '200'),
    'resource server': route('/strict', ISSUER_OF_ALL, ALL_AUDIENCES),
    'resource server through AccessTokenStrategy': route('/strict-passport', ISSUER_OF_ALL, ALL_AUDIENCES),
    'resource server for JWT and none': verifier(servers.loose, ISSUER_OF_ALL, ALL_AUDIENCES),
    'resource server of several issuers': verifier(servers.several, ISSUER_OF_ALL, ALL_AUDIENCES),
    'resource server of several issuers, the loose one': verifier(servers.several, LOOSE_ISSUER, ALL_AUDIENCES),
    'resource server with introspection': verifier(servers.introspecting, ISSUER_OF_ALL, ALL_AUDIENCES),
    'resource server for opaque tokens': verifier(servers.opaque, ISSUER_OF_ALL, ALL_AUDIENCES),
    'protect, of one resource of two': route('/one-of-two', ISSUER_OF_ALL, [AUDIENCE]),
    'protect, of the other resource of two': route('/other-of-two', ISSUER_OF_ALL, [OTHER_RESOURCE]),
  }
}

type Verifier = Pick<ResourceServer, 'verifyAccessToken'>

function verifier(of: Verifier, issuer: string, audiences: readonly string[]): Place {
  return { issuer, audiences, accepts: (token) => isVerified(of, token) }
}

async function isLetIn(url: string, token: string): Promise<boolean> {
  const { status, headers } = await sendRequest(url, { method: 'GET', headers: { authorization: `Bearer ${token}` } })
  const challenge = String(headers['www-authenticate'])
  if (status === 200) return true
  if (status === 401 && challenge.includes('error="invalid_token"')) return false
  throw new Error(`${url} answered ${status} ${challenge}`)
}

interface Answer {
  status: number | undefined
  error?: string
  active?: boolean
}

async function post(url: string, form: Readonly<Record<string, string>>): Promise<Answer> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const { status, body } = await sendRequest(url, { method: 'POST', headers, body: `${new URLSearchParams(form)}` })
  return { ...(body !== '' && JSON.parse(body)), status }
}

function choose({ status, error = '' }: Answer, { yes, no }: { yes: string; no: string }): boolean {
  const answer = `${status} ${error}`.trim()
  if (answer !== yes && answer !== no) throw new Error(`expected ${yes} or ${no}, got ${answer}`)
  return answer === yes
}

/** The answer is the same for all tokens (RFC 7009 §2.2), but the event is not. */
function wasRevoked({ events }: ExchangeHost, token: string): boolean {
  const isOf = ({ name, by, tokenId }: RecordedEvent) =>
    name === 'token.revoked' && by === 'client' && tokenId === decodeJwt(token).jti
  return events.splice(0).some(isOf)
}

async function isVerified({ verifyAccessToken }: Verifier, token: string) {
  try {
    return (await verifyAccessToken(token)) !== undefined
  } catch (error) {
    if (error instanceof Error && error.name === 'TokenRejected') return false
    throw error
  }
}
