import type { KindName } from './token-kinds.js'
import type { PlaceName } from './token-places.js'

/** Where tokens of a kind are accepted, and why there and nowhere else. Every other cell of the matrix is a no. */
interface Row {
  accepted: readonly PlaceName[]
  because: string
  /** Where they are accepted before they are valid, too. */
  acceptedEarly?: readonly PlaceName[]
}

const OURS: readonly PlaceName[] = [
  ...([
    'protect',
    'verifyAccessToken, of a loose issuer',
    'verifyAccessToken, of an issuer at run time',
    'verifyAccessToken',
  ] as const),
  ...(['Passport access-token', 'Passport access-token, of a loose issuer'] as const),
  ...(['introspect, the token', 'revoke, the token'] as const),
  ...(['protect, of one resource of two', 'resource server with introspection'] as const),
]
const OTHER_RESOURCE: readonly PlaceName[] = ['protect, of the other resource of two']
/** Its issuer says of each token that it is an active bearer token, unless its type is that of another kind. */
const OPAQUE: readonly PlaceName[] = ['resource server for opaque tokens']
/** `at+jwt` is the type of access tokens, and assertions must not have it. */
const RFC_9068: readonly PlaceName[] = [
  ...(['protect', 'verifyAccessToken, of a loose issuer', 'verifyAccessToken'] as const),
  ...(['Passport access-token', 'Passport access-token, of a loose issuer'] as const),
  ...([
    'resource server',
    'resource server through AccessTokenStrategy',
    'resource server of several issuers',
  ] as const),
  'resource server of several issuers, the loose one',
  ...(['resource server with introspection', 'protect, of one resource of two'] as const),
  ...[...OTHER_RESOURCE, ...OPAQUE],
]
const LOOSE: readonly PlaceName[] = [
  ...(['verifyAccessToken, of a loose issuer', 'Passport access-token, of a loose issuer'] as const),
  ...(['resource server for JWT and none', 'resource server of several issuers, the loose one'] as const),
]
const ASSERTIONS: readonly PlaceName[] = [
  ...(['Passport jwt-assertion', 'assertion', 'assertion of a loose issuer'] as const),
  'assertion of an issuer at run time',
]
const SEVERAL: readonly PlaceName[] = [
  'resource server of several issuers',
  'resource server of several issuers, the loose one',
]
const RESOURCE_SERVERS = RFC_9068.filter((name) => name.startsWith('resource server'))
/** RFC 7009 §2: a client may end its token before it can be used, and wherever it can be used. */
const TO_REVOKE: readonly PlaceName[] = ['revoke, the token']
const CLIENTS: readonly PlaceName[] = ['client_assertion', 'introspect, the client', 'revoke, the client']

const NONE: readonly PlaceName[] = []
const LOOKS_ALIKE: Row = {
  accepted: [...LOOSE, ...ASSERTIONS, ...OPAQUE],
  because:
    'RFC 7523 §3 asks of an assertion nothing that it lacks: the aud must tell them apart, and options refuse to share it',
}
const OF_LOGIN: Row = {
  accepted: ASSERTIONS,
  because: 'an ID token without marks of a login at the front channel is an assertion (RFC 7523 §3) if its aud is ours',
}
/** Its issuer, which is asked about it, takes it for an access token. */
const WITHOUT_MARKS: Row = { accepted: [...ASSERTIONS, ...OPAQUE], because: `${OF_LOGIN.because}; nothing marks it` }
const BY_TYPE = (type: string): Row => ({ accepted: NONE, because: `${type} says what it is (RFC 8725 §3.11)` })
const BY_CLAIMS = (claims: string): Row => ({ accepted: NONE, because: `${claims}: RFC 8725 §3.12` })

/** The answers that are due to tokens that are in force. */
export const ROWS: Readonly<Record<KindName, Row>> = {
  'our access token': {
    accepted: [...OURS, ...SEVERAL],
    acceptedEarly: TO_REVOKE,
    because:
      'it is for our routes, for its client to ask about, and for the one resource server that trusts us (RFC 9068 §4)',
  },
  'our access token for another resource': {
    accepted: [...TO_REVOKE, ...OTHER_RESOURCE],
    acceptedEarly: TO_REVOKE,
    because: 'its aud is not this resource but the other one (RFC 9068 §4), and its client may end it (RFC 7009 §2.1)',
  },
  'our access token, revoked': {
    accepted: [...TO_REVOKE, ...SEVERAL],
    acceptedEarly: TO_REVOKE,
    because:
      'to revoke it again changes nothing, and only the exchange knows what was revoked: a resource server that does not ask accepts it until it expires',
  },
  'our access token, bound to a key': {
    accepted: TO_REVOKE,
    acceptedEarly: TO_REVOKE,
    because: 'nobody has proved that the key is theirs (RFC 7800 §3.1), which its client need not do to end it',
  },
  'at+jwt of the issuer': { accepted: RFC_9068, because: 'its issuer is trusted at these routes (RFC 9068 §4)' },
  'at+jwt of the issuer, about one of our clients': {
    accepted: RESOURCE_SERVERS,
    because: 'a subject must not look like a client (RFC 9700 §4.15), and a resource server has no clients',
  },
  'at+jwt of the issuer for another audience': {
    accepted: OTHER_RESOURCE,
    because: 'its aud is the other resource (RFC 9068 §4)',
  },
  'at+jwt of an issuer without routes': { accepted: NONE, because: 'no route trusts it, and at+jwt is no assertion' },
  'at+jwt of a stranger': { accepted: NONE, because: 'nobody trusts its issuer' },
  'access token of the issuer, opaque': {
    accepted: OPAQUE,
    because: 'only its issuer knows what it is (RFC 7662 §2.2)',
  },
  'access token of Auth0': LOOKS_ALIKE,
  'access token of a machine at Auth0': LOOKS_ALIKE,
  'access token of Keycloak': LOOKS_ALIKE,
  'access token of Entra': LOOKS_ALIKE,
  'access token of Okta, without typ': LOOKS_ALIKE,
  'access token without typ for another audience': { accepted: NONE, because: 'its aud is another one' },
  'ID token': WITHOUT_MARKS,
  'ID token without typ': WITHOUT_MARKS,
  'ID token with a nonce': OF_LOGIN,
  'ID token with nonce and at_hash': BY_CLAIMS('nonce and at_hash'),
  'ID token of Keycloak': OF_LOGIN,
  'ID token of Entra': OF_LOGIN,
  'ID token of Auth0': OF_LOGIN,
  'ID token of Cognito': OF_LOGIN,
  'ID token for another party than its audience': WITHOUT_MARKS,
  assertion: { accepted: [...ASSERTIONS, ...OPAQUE], because: 'that is where they belong, and nothing marks them' },
  'assertion without typ': { accepted: [...ASSERTIONS, ...OPAQUE], because: 'typ is optional (RFC 7523 §3)' },
  'assertion about one of our clients': {
    accepted: OPAQUE,
    because:
      'a subject must not look like a client (RFC 9700 §4.15), a client with keys signs for itself, and a resource server has no clients',
  },
  'workload assertion': {
    accepted: [...ASSERTIONS, ...CLIENTS, ...OPAQUE],
    because: 'a client may be registered for the assertions of its issuer about it: they are one kind, used once',
  },
  'client assertion': { accepted: CLIENTS, because: 'that is where they belong (RFC 7523 §2.2)' },
  'client assertion without typ': { accepted: CLIENTS, because: 'typ is optional (rfc7523bis §4)' },
  'client assertion with its own type': { accepted: CLIENTS, because: 'that is its type (rfc7523bis §4)' },
  'logout token': BY_TYPE('logout+jwt'),
  'logout token of type JWT': BY_CLAIMS('events'),
  'security event token': BY_TYPE('secevent+jwt'),
  'security event token without typ': BY_CLAIMS('events'),
  'refresh token, opaque': { accepted: NONE, because: 'it is no JWT' },
  'refresh token of Keycloak': BY_CLAIMS('the claim typ'),
  'refresh token of Spring': BY_CLAIMS('ati'),
  'refresh token with token_use': BY_CLAIMS('token_use'),
  'refresh token with token_type': BY_CLAIMS('token_type'),
  'refresh token with its own type': BY_TYPE('rt+jwt'),
  'DPoP proof': BY_TYPE('dpop+jwt'),
  'DPoP proof without typ': BY_CLAIMS('htm and htu'),
  'ID-JAG': BY_TYPE('oauth-id-jag+jwt'),
  'introspection response': BY_TYPE('token-introspection+jwt'),
  'introspection response of type JWT': BY_CLAIMS('token_introspection'),
  'request object': { accepted: NONE, because: 'it has no sub, so that it authenticates nobody (RFC 9101 §10.8)' },
  'userinfo response': { accepted: NONE, because: 'it never expires (RFC 7523 §3, RFC 9068 §2.2)' },
  'signed metadata': { accepted: NONE, because: 'it has no sub' },
}
