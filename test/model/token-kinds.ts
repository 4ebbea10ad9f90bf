import { randomUUID } from 'node:crypto'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'

/** Where a token is presented: whose tokens are accepted there, and for whom they must be. */
export interface Target {
  /** An issuer other than this service. */
  issuer: string
  /** All values of `aud` that are accepted there. */
  audiences: readonly string[]
}

/** A token before it is signed; text: it is no JWT. */
export type Draft = { header: Members; claims: Members } | string
export type Members = Readonly<Record<string, unknown>>

/** A kind of token, made so that it fits the place as well as its kind allows. */
export interface Kind {
  draft(target: Target, choice: Choice): Draft
  /** Further claims that tokens of this kind can have. */
  spare: Members
  /** Whether operators have revoked it. */
  isRevoked?: boolean
  /** Whether the token is opaque, and only its issuer knows its claims. */
  isReference?: boolean
}

/** What varies within each kind. */
export interface Choice {
  subject: string
  /** The `aud` that fits the place: text or an array. */
  audience: string | readonly string[]
}

/** A client that signs its own assertions, with the key of everybody. */
export const SIGNER = 'signer'
/** The subject of the assertions by which another client authenticates. */
export const WORKLOAD = 'account:workload'
/** A client of the issuer, for which its ID tokens are. Every place that can also accepts it as an audience. */
export const LOGIN_CLIENT = 'login-client'
export const OTHER_RESOURCE = 'https://billing.example.com'
/** Registered for assertions only. */
export const WITHOUT_ROUTES = 'https://without-routes.example.com'
export const STRANGER = 'https://stranger.example.com'

const EVENTS = { 'http://schemas.openid.net/event/backchannel-logout': {} }
const ABOUT_A_PERSON = { email: 'alice@example.com', name: 'Alice', locale: 'de', roles: ['admin'], groups: ['admin'] }
const ODD = { constructor: 'x', toString: 1, hasOwnProperty: null, '': {} }
const ANY = {
  ...ODD,
  acr: 'gold',
  amr: ['pwd'],
  auth_time: 1_700_000_000,
  sid: 's-1',
  may_act: { sub: 'bot' },
  ver: '1.0',
}
const OF_LOGIN = { ...ANY, ...ABOUT_A_PERSON, tid: 't', oid: 'o', preferred_username: 'alice', org_id: 'org_1' }
const OF_ACCESS = { ...OF_LOGIN, scp: ['read'], permissions: ['read'], realm_access: { roles: ['admin'] } }

const JWT = { typ: 'JWT' }
const UNTYPED = {}

/** All kinds of tokens. The names are facts about them. */
export const KINDS = {
  'our access token': own(),
  'our access token for another resource': own({ aud: OTHER_RESOURCE }),
  'our access token, revoked': { ...own(), isRevoked: true },
  'our access token, bound to a key': own({ cnf: { jkt: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' } }),
  'at+jwt of the issuer': of('at+jwt', { client_id: CLIENT.clientId, scope: 'read' }, OF_ACCESS),
  'at+jwt of the issuer, about one of our clients': of(
    'at+jwt',
    { client_id: CLIENT.clientId, sub: CLIENT.clientId },
    OF_ACCESS,
  ),
  'at+jwt of the issuer for another audience': of('at+jwt', { aud: OTHER_RESOURCE, client_id: 'app' }, OF_ACCESS),
  'at+jwt of an issuer without routes': of('at+jwt', { iss: WITHOUT_ROUTES, client_id: 'app' }, OF_ACCESS),
  'at+jwt of a stranger': of('at+jwt', { iss: STRANGER, client_id: 'app' }, OF_ACCESS),
  'access token of the issuer, opaque': {
    ...of(undefined, { client_id: CLIENT.clientId, scope: 'read' }, OF_ACCESS),
    isReference: true,
  },
  'access token of Auth0': of('JWT', { azp: 'spa', scope: 'openid read', permissions: ['read'] }, OF_ACCESS),
  'access token of a machine at Auth0': of('JWT', { azp: 'job', gty: 'client-credentials' }, ANY),
  'access token of Keycloak': of('JWT', { typ: 'Bearer', azp: 'spa', scope: 'read', nonce: 'n' }, OF_ACCESS),
  'access token of Entra': of('JWT', { azp: 'spa', scp: 'read', azpacr: '1', tid: 't', ver: '2.0' }, OF_ACCESS),
  'access token of Okta, without typ': of(undefined, { cid: 'spa', scp: ['read'], uid: 'u' }, OF_ACCESS),
  'access token without typ for another audience': of(
    undefined,
    { aud: OTHER_RESOURCE, cid: 'spa', scp: ['read'] },
    ANY,
  ),
  'ID token': of('JWT', {}, OF_LOGIN),
  'ID token without typ': of(undefined, {}, OF_LOGIN),
  'ID token with a nonce': of('JWT', { nonce: 'n' }, { ...OF_LOGIN, scope: 'openid' }),
  'ID token with nonce and at_hash': of(
    'JWT',
    { nonce: 'n', at_hash: 'h' },
    { ...OF_LOGIN, scope: 'openid', c_hash: 'h' },
  ),
  'ID token of Keycloak': of('JWT', { typ: 'ID', azp: LOGIN_CLIENT, at_hash: 'h' }, { ...OF_LOGIN, scope: 'openid' }),
  'ID token of Entra': of('JWT', { tid: 't', oid: 'o', rh: 'r', uti: 'u', ver: '2.0', nonce: 'n' }, OF_LOGIN),
  'ID token of Auth0': of('JWT', { nonce: 'n', sid: 's', org_id: 'org_1' }, OF_LOGIN),
  'ID token of Cognito': of('JWT', { token_use: 'id', 'cognito:username': 'alice' }, OF_LOGIN),
  'ID token for another party than its audience': of('JWT', { azp: 'mobile-app' }, OF_LOGIN),
  assertion: of('JWT', {}, { ...ANY, ...ABOUT_A_PERSON }),
  'assertion without typ': of(undefined, {}, { ...ANY, ...ABOUT_A_PERSON }),
  'assertion about one of our clients': of('JWT', { sub: SIGNER }, ANY),
  'workload assertion': of('JWT', { sub: WORKLOAD, 'kubernetes.io': { namespace: 'shop' } }, ANY),
  'client assertion': ofClient(JWT),
  'client assertion without typ': ofClient(UNTYPED),
  'client assertion with its own type': ofClient({ typ: 'client-authentication+jwt' }),
  'logout token': of('logout+jwt', { events: EVENTS, sid: 's' }, ANY),
  'logout token of type JWT': of('JWT', { events: EVENTS, client_id: 'app', scope: 'read' }, ANY),
  'security event token': of('secevent+jwt', { events: { 'https://example.com/event': {} }, txn: 't' }, ANY),
  'security event token without typ': of(
    undefined,
    { events: { 'https://example.com/event': {} }, scope: 'read' },
    ANY,
  ),
  'refresh token, opaque': { draft: () => randomUUID(), spare: {} },
  'refresh token of Keycloak': of(
    'JWT',
    { typ: 'Refresh', azp: 'spa', scope: 'read offline_access', sid: 's' },
    OF_ACCESS,
  ),
  'refresh token of Spring': of('JWT', { ati: 'id-of-the-access-token', client_id: 'app', scope: ['read'] }, ANY),
  'refresh token with token_use': of('JWT', { token_use: 'refresh', client_id: 'app', scope: 'read' }, ANY),
  'refresh token with token_type': of('JWT', { token_type: 'refresh', client_id: 'app', scope: 'read' }, ANY),
  'refresh token with its own type': of('rt+jwt', { client_id: 'app', scope: 'read' }, ANY),
  'DPoP proof': of('dpop+jwt', { htm: 'POST', htu: `${ISSUER}/token`, ath: 'h' }, ANY),
  'DPoP proof without typ': of(undefined, { htm: 'GET', htu: AUDIENCE, client_id: 'app', scope: 'read' }, ANY),
  'ID-JAG': of('oauth-id-jag+jwt', { client_id: CLIENT.clientId, scope: 'read', resource: AUDIENCE }, ANY),
  'introspection response': of('token-introspection+jwt', { token_introspection: { active: true } }, ANY),
  'introspection response of type JWT': of(
    'JWT',
    { token_introspection: { active: true }, client_id: 'app', scope: 'read' },
    ANY,
  ),
  'request object': of(undefined, { iss: SIGNER, sub: undefined, client_id: SIGNER, scope: 'read' }, { state: 's' }),
  'userinfo response': of('JWT', { exp: undefined, iat: undefined }, { ...OF_LOGIN, scope: 'read' }),
  'signed metadata': of('JWT', { sub: undefined, token_endpoint: 'https://e.example.com/token', scope: 'read' }, {}),
} satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof KINDS

/** Of an issuer other than us. A claim that is undefined is left out. */
function of(typ: string | undefined, claims: Members, spare: Members): Kind {
  return {
    draft: ({ issuer }, { subject, audience }) => ({
      header: { typ },
      claims: { iss: issuer, sub: subject, aud: audience, jti: randomUUID(), ...claims },
    }),
    spare,
  }
}

/** As the token endpoint issues it. */
function own(claims: Members = {}): Kind {
  return {
    draft: (_, { subject }) => ({
      header: { typ: 'at+jwt' },
      claims: {
        ...{ iss: ISSUER, sub: subject, aud: AUDIENCE, client_id: CLIENT.clientId, jti: randomUUID(), scope: 'read' },
        ...claims,
      },
    }),
    spare: { ...ANY, ...ABOUT_A_PERSON, nonce: 'n' },
  }
}

/** For the authentication of a client (rfc7523bis §4). */
function ofClient(header: Members): Kind {
  return {
    draft: () => ({ header, claims: { iss: SIGNER, sub: SIGNER, aud: ISSUER, jti: randomUUID() } }),
    spare: { ...ANY, client_id: SIGNER, scope: 'read' },
  }
}
