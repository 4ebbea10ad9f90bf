import { afterEach, describe, expect, it } from '@jest/globals'
import {
  type BindingOptions,
  type ClaimConditionOption,
  type ClientOptions,
  ConfigError,
  type ExplainOptions,
  type Explanation,
  generateSigningKey,
  REJECTION_REASONS,
  REQUEST_REASONS,
  type ReasonCode,
  UNAVAILABLE_REASONS,
} from '../../../src/index.js'
import { EC_CERTIFICATE } from '../../support/certificates.js'
import { type ClockedHost, startClockedHost } from '../../support/clocked-host.js'
import { CLIENT, type ExchangeHostOptions, TOKEN_ENDPOINT } from '../../support/exchange-host.js'

const RICH: ExchangeHostOptions = {
  identityProvider: {
    allowedSubjects: ['alice', 'app', 'team-*'],
    requiredClaims: { tenant: 'acme', level: { atLeast: 3, message: 'level 3 or more' } },
    check: ({ blocked }) => blocked !== true || 'it is blocked',
    bindings: [
      { name: 'read', when: { 'roles.orders': { includes: 'reader' } }, scopes: ['orders:read'] },
      { name: 'sign-in', when: { ref: 'main' }, scopes: ['openid'], lifetime: 60 },
    ],
    claimsToToken: { tenant: 'tenant', groups: 'groups' },
    maxLifetime: 600,
  },
}
const RICH_CLAIMS = { tenant: 'acme', level: 3, roles: { orders: ['reader'] }, ref: 'main' }
const SECRET = { clientSecret: CLIENT.clientSecret }

const signingKey = generateSigningKey()
let host: ClockedHost
afterEach(() => host?.close())

const explain = (assertion: string, options: ExplainOptions = { clientId: 'app' }) =>
  host.exchange.explain(assertion, options)
const stepOf = ({ steps }: Explanation, name: string) => steps.find(({ step }) => step === name)
const failedStepsOf = ({ steps }: Explanation) =>
  steps.filter(({ outcome }) => outcome === 'failed').map(({ step, reason }) => `${step}: ${reason}`)

let noteHanging = () => {}
const hang = () => {
  noteHanging()
  return new Promise<true>(() => {})
}

/** How the first step fails, and what the token endpoint says. */
interface Case {
  reason: ReasonCode
  step: string
  /** Laid over the host of a good assertion. */
  host?: ExchangeHostOptions
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  /** What is sent in place of the assertion. */
  alter?: (assertion: string) => string
  before?: () => void | Promise<void>
  scope?: string
  expected?: string | RegExp
  found?: string | RegExp
  hint?: string | RegExp
}

const ofClient = (changes: Partial<ClientOptions>): ExchangeHostOptions => ({
  exchange: { clients: [{ ...CLIENT, ...changes }] },
})
const ofProvider = (identityProvider: ExchangeHostOptions['identityProvider']): ExchangeHostOptions => ({
  identityProvider: { ...identityProvider },
})
const ofGrant = (grant: BindingOptions) => ofProvider({ bindings: [grant] })
const ofClients = (...clientIds: string[]): ExchangeHostOptions => ({
  exchange: { clients: clientIds.map((clientId) => ({ ...CLIENT, clientId })) },
})
/** The cases of one `sub` that is not accepted, and of what is said of it. */
function subjectCases(subjects: readonly string[], sub: string, hint: RegExp): Case[] {
  const host = ofProvider({ allowedSubjects: subjects })
  return [{ reason: 'subject_not_allowed', step: 'allowedSubjects', host, claims: { sub }, hint }]
}
/** The cases of a condition on a claim that the path does not find, and of what is said of it. */
function missingClaimCases(path: string, claims: Record<string, unknown>, hint: string | RegExp): Case[] {
  const host = ofProvider({ requiredClaims: { [path]: 'x' } })
  return [{ reason: 'claim_not_allowed', step: `claim ${path}`, host, claims, found: 'none', hint }]
}
/** The cases of a claim that is almost what a condition wants, and of what is said of it. */
function almostCases(
  condition: ClaimConditionOption,
  claim: unknown,
  hint: string | RegExp,
  options: ExchangeHostOptions['identityProvider'] = {},
): Case[] {
  const host = ofProvider({ requiredClaims: { a: condition }, ...options })
  return [{ reason: 'claim_not_allowed', step: 'claim a', host, claims: { a: claim }, hint }]
}
/** The cases of what is pasted in place of an assertion. */
function shapeCases(alter: (assertion: string) => string, hint: string | RegExp): Case[] {
  return [{ reason: 'malformed_jwt', step: 'shape', alter, hint }]
}
const encode = (text: string | Buffer) => Buffer.from(text).toString('base64url')
/** The cases of an assertion one part of which is another text, and of what is said of it. */
function partCases(part: 0 | 1 | 2, text: string, hint: string | RegExp): Case[] {
  return shapeCases((jwt) => jwt.split('.').with(part, text).join('.'), hint)
}
/** The cases of a signature in another form. */
function signatureCases(form: (signature: Buffer) => Buffer, hint: string | RegExp): Case[] {
  const alter = (jwt: string) => {
    const [header, payload, signature = ''] = jwt.split('.')
    return `${header}.${payload}.${encode(form(Buffer.from(signature, 'base64url')))}`
  }
  return [{ reason: 'bad_signature', step: 'signature', alter, hint }]
}
/** Two integers as ASN.1 has them: without zeros before, but with one before a first bit that is 1. */
function toDer(signature: Buffer): Buffer {
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32)].map((half) => {
    const digits = half.subarray(half.findIndex((byte) => byte !== 0))
    const integer = (digits[0] ?? 0) > 127 ? Buffer.concat([Buffer.alloc(1), digits]) : digits
    return Buffer.concat([Buffer.from([2, integer.length]), integer])
  })
  const body = Buffer.concat([r ?? Buffer.alloc(0), s ?? Buffer.alloc(0)])
  return Buffer.concat([Buffer.from([48, body.length]), body])
}
/** The cases of a key set that cannot be had, and of what is said of it. */
function keySetCases(before: () => void | Promise<void>, hint: RegExp): Case[] {
  return [{ reason: 'jwks_unavailable', step: 'signature', before, hint }]
}
/** The cases of a check that does not accept, and of what is said of it. */
function verdictCases(verdict: unknown, found: string, hint: string | RegExp): Case[] {
  const host = ofProvider({ check: () => verdict as true })
  return [{ reason: 'refused_by_check', step: 'check', host, found, hint }]
}
/** Its message may hold a secret of the host: only name and code are shown. */
const fail = () => {
  throw Object.assign(new Error('the table is locked'), { code: 'ELOCKED' })
}
const now = () => Math.floor(host.clock.now())

const CASES: Case[] = [
  {
    reason: 'malformed_jwt',
    step: 'shape',
    alter: (jwt) => `${jwt.slice(0, 50)}\n${jwt.slice(50)}`,
    hint: /white space/,
  },
  { reason: 'malformed_jwt', step: 'shape', alter: (jwt) => `"${jwt}"`, hint: /quotation marks/ },
  ...shapeCases(
    (jwt) => `{"access_token": "${jwt}", "token_type": "Bearer"}`,
    /a whole token response: send only the assertion/,
  ),
  ...shapeCases((jwt) => `{\n  "id_token": "${jwt}"\n}`, /a whole token response/),
  ...shapeCases((jwt) => `Bearer ${jwt}`, 'leave out Bearer'),
  ...shapeCases((jwt) => `authorization: bearer ${jwt}`, 'leave out Bearer'),
  ...shapeCases((jwt) => `assertion=${jwt}`, 'leave out assertion='),
  ...shapeCases((jwt) => `grant_type=x&assertion=${jwt}`, 'leave out assertion='),
  { reason: 'malformed_jwt', step: 'shape', alter: () => 'opaque-token', found: '12 characters', hint: /one part/ },
  { reason: 'malformed_jwt', step: 'shape', alter: (jwt) => `${jwt}.a.b`, hint: /encrypted/ },
  { reason: 'malformed_jwt', step: 'shape', alter: (jwt) => `${jwt.replace(/[^.]*$/, '')}`, hint: /no signature/ },
  { reason: 'malformed_jwt', step: 'shape', alter: (jwt) => `${jwt}==`, hint: /base64/ },
  ...shapeCases((jwt) => `${jwt}\n`, 'it ends with a line break: remove that'),
  ...shapeCases((jwt) => `${jwt}\r\n\r\n`, 'it ends with a line break: remove that'),
  ...shapeCases((jwt) => ` ${jwt}`, 'it has white space around it: remove that'),
  ...shapeCases((jwt) => `${jwt} `, 'it has white space around it: remove that'),
  ...shapeCases((jwt) => `${jwt}!`, 'the signature has characters that base64url does not have'),
  ...shapeCases((jwt) => jwt.slice(0, -1), 'the signature is incomplete base64url: the token is cut off'),
  ...shapeCases((jwt) => jwt.replace(/.$/, 'B'), /^the signature does not end as base64url does: the token is cut off/),
  ...partCases(0, '', 'the header is empty: the token is cut off'),
  ...partCases(1, '', 'the payload is empty: the token is cut off'),
  ...partCases(1, encode('hello'), 'the payload is not JSON: configure the identity provider to issue JWTs'),
  ...partCases(1, encode('["a"]'), 'the payload is not a JSON object'),
  ...partCases(1, encode(Buffer.from([123, 255, 125])), 'the payload is not UTF-8'),
  ...partCases(1, encode('\uFEFF{}'), 'the payload begins with a byte order mark, which JSON does not have'),
  ...partCases(
    1,
    encode('{"sub":"a","x":{"sub":"b"},"s\\u0075b":"c"}'),
    'the payload has "sub" twice: each name may occur only once',
  ),
  ...partCases(1, encode('{"a":[{"b":1,"b":2}]}'), 'the payload has "b" twice: each name may occur only once'),
  ...partCases(1, encode(`{"${'x'.repeat(99)}":1,"${'x'.repeat(99)}":2}`), /^the payload has "x{39}\.\.\." twice/),
  ...partCases(1, encode(`{"a":${'['.repeat(32)}${']'.repeat(32)}}`), 'the payload nests deeper than 32 levels'),
  ...partCases(0, encode('{"alg":"ES256","alg":"none"}'), 'the header has "alg" twice: each name may occur only once'),
  ...partCases(0, encode('{}'), 'the header has no alg'),
  ...partCases(0, encode('{"alg":null}'), 'alg in the header is null: it must be a string'),
  ...(
    [
      ['kid', 7, 'a number'],
      ['kid', null, 'null'],
      ['kid', ['a'], 'an array'],
      ['kid', {}, 'an object'],
      ['typ', null, 'null'],
      ['typ', true, 'a boolean'],
    ] as const
  ).flatMap(([name, value, kind]) =>
    partCases(
      0,
      encode(JSON.stringify({ alg: 'ES256', [name]: value })),
      `${name} in the header is ${kind}: it must be a string or absent`,
    ),
  ),
  ...partCases(
    0,
    encode(JSON.stringify({ alg: 'ES256', kid: 'k'.repeat(257) })),
    'kid in the header has 257 characters: at most 256 are accepted',
  ),
  {
    reason: 'too_large',
    step: 'shape',
    alter: (jwt) => `${jwt}${'a'.repeat(40_000)}`,
    hint: /^raise maxBytes \(max_bytes\)/,
  },
  { reason: 'too_large', step: 'size', host: ofProvider({ maxBytes: 256 }), claims: { long: 'x'.repeat(300) } },
  {
    reason: 'unsupported_header',
    step: 'shape',
    header: { crit: ['x'], x: 1 },
    expected: 'a header without crit and b64',
    found: 'a header with crit or b64',
    hint: /turn the extension off/,
  },
  {
    reason: 'unknown_issuer',
    step: 'iss',
    claims: { iss: 'https://else.example.com' },
    found: '"https://else.example.com"',
  },
  {
    reason: 'unknown_registration',
    step: 'registration',
    host: ofProvider({ registration: { claim: 'tenant', value: 'acme' } }),
    claims: { tenant: 'Acme' },
    expected: 'tenant: one of acme',
    found: '"Acme"',
    hint: /./,
  },
  {
    reason: 'unknown_registration',
    step: 'registration',
    host: ofProvider({ registration: { claim: 'tenant', value: 'acme' } }),
    claims: { tenant: ['acme'] },
    hint: 'the claim must be one string',
  },
  {
    reason: 'unknown_registration',
    step: 'registration',
    host: ofProvider({ registration: { claim: 'tenant', value: 'acme' } }),
    found: 'none',
    hint: 'the claim is missing: it says which entry of this issuer the assertion is for',
  },
  {
    reason: 'unknown_issuer',
    step: 'iss',
    claims: { iss: 'https://api.example.com/oauth2', aud: 'https://api.example.com' },
    header: { typ: 'at+jwt' },
    hint: 'this is an access token for the APIs of this service, not an assertion',
  },
  {
    reason: 'unknown_issuer',
    step: 'iss',
    claims: { iss: 'https://else.example.com' },
    header: { typ: 'at+jwt' },
    hint: 'it is an access token, not an assertion',
  },
  {
    reason: 'identity_provider_disabled',
    step: 'enabled',
    before: () => host.exchange.disableIdentityProvider(host.idp.name),
    found: 'off',
    hint: 'it was switched off by enabled: false (enabled = false), or at run time',
  },
  { reason: 'algorithm_not_allowed', step: 'alg', header: { alg: 'HS256' }, found: 'HS256', hint: /asymmetric/ },
  { reason: 'algorithm_not_allowed', step: 'alg', host: ofProvider({ algorithms: ['RS256'] }), found: 'ES256' },
  { reason: 'type_not_allowed', step: 'typ', header: { typ: 'at+jwt' }, found: 'at+jwt', hint: /access token/ },
  {
    reason: 'type_not_allowed',
    step: 'typ',
    header: { typ: 'oauth-id-jag+jwt' },
    hint: 'it is another kind of token, which types cannot allow',
  },
  {
    reason: 'type_not_allowed',
    step: 'typ',
    header: { typ: 'ours+jwt' },
    hint: 'if it is an assertion, add its typ to types',
  },
  { reason: 'unknown_key', step: 'signature', header: { kid: 'gone' }, found: 'kid gone', hint: /its kids are/ },
  { reason: 'certificate_expired', step: 'signature', host: { exchange: {} } },
  { reason: 'bad_signature', step: 'signature', alter: (jwt) => jwt.replace(/.{8}$/, 'AAAAAAAA'), hint: /forged/ },
  ...signatureCases(
    toDer,
    'the signature is in DER, as OpenSSL and Java make it: ES256 needs the 64 bytes of r and s (RFC 7518 3.4)',
  ),
  ...signatureCases(
    (signature) => signature.subarray(0, 60),
    'the signature has 60 bytes, but ES256 has 64: it is cut off, or encoded in another way',
  ),
  ...signatureCases((signature) => Buffer.from(signature.toString('hex')), /^the signature has 128 bytes, but ES256/),
  { reason: 'invalid_subject', step: 'sub', claims: { sub: 7 }, found: '7' },
  {
    reason: 'invalid_subject',
    step: 'subject',
    host: ofProvider({ subject: '${claims.email}' }),
    hint: /^the claim email is missing$/,
  },
  ...(
    [
      [[], 'aud is an empty array: configure the identity provider to include the alias'],
      [undefined, 'aud is missing: configure the identity provider to include the alias'],
      [null, 'aud is null: it must be a string, or an array of strings'],
      [{ a: 1 }, 'aud is an object: it must be a string, or an array of strings'],
      [[TOKEN_ENDPOINT, null], 'aud has null at [1]: each of its members must be a string'],
      [['app', 7], 'aud has a number at [1]: each of its members must be a string'],
      [[[TOKEN_ENDPOINT]], 'aud has an array at [0]: each of its members must be a string'],
    ] as const
  ).map(([aud, hint]) => ({ reason: 'invalid_audience' as const, step: 'aud', claims: { aud }, hint })),
  { reason: 'wrong_audience', step: 'aud', claims: { aud: `${TOKEN_ENDPOINT}/` }, hint: /a slash at the end/ },
  { reason: 'wrong_audience', step: 'aud', claims: { aud: 'app' }, found: '"app"', hint: /^aud is the client id: / },
  {
    reason: 'wrong_audience',
    step: 'aud',
    claims: { aud: TOKEN_ENDPOINT.toUpperCase() },
    hint: /upper and lower case/,
  },
  { reason: 'wrong_audience', step: 'aud', claims: { aud: TOKEN_ENDPOINT.slice(8) }, hint: /scheme/ },
  {
    reason: 'wrong_audience',
    step: 'aud',
    claims: { aud: ['https://other.example.com', 'x'] },
    hint: 'if "https://other.example.com" means this service, set alias of this identity provider to it; if not, change the audience at the identity provider',
  },
  { reason: 'wrong_audience', step: 'aud', claims: { aud: 'x'.repeat(500) }, hint: /^if this aud means .* provider$/ },
  {
    reason: 'several_audiences',
    step: 'aud',
    host: ofProvider({ soleAudience: true }),
    claims: { aud: [TOKEN_ENDPOINT, 'x'] },
    expected: `only ${TOKEN_ENDPOINT}`,
    hint: 'configure the identity provider to send one aud, or set soleAudience (sole_audience) to false',
  },
  { reason: 'invalid_expiry', step: 'exp', claims: { exp: '2030' }, found: '"2030"', hint: /seconds since 1970/ },
  { reason: 'invalid_expiry', step: 'exp', claims: { exp: undefined }, found: 'none', hint: /^it is missing: / },
  { reason: 'invalid_expiry', step: 'exp', claims: { exp: 1_900_000_000_000 }, hint: /^it is in milliseconds or/ },
  { reason: 'invalid_issued_at', step: 'iat', claims: { iat: '2030' }, hint: /^it is a string: it must be a number/ },
  { reason: 'expired', step: 'exp', claims: { exp: 1_000 }, hint: 'get a fresh one' },
  {
    reason: 'expired',
    step: 'lifetime',
    host: ofProvider({ maxBeyondAssertion: 0 }),
    hint: /maxBeyondAssertion \(max_beyond_assertion\)/,
  },
  { reason: 'invalid_not_before', step: 'nbf', claims: { nbf: 'soon' } },
  { reason: 'not_yet_valid', step: 'nbf', claims: { nbf: 9_999_999_999 }, hint: 'it becomes valid later' },
  { reason: 'invalid_issued_at', step: 'iat', claims: { iat: -1 } },
  {
    reason: 'invalid_issued_at',
    step: 'iat',
    host: ofProvider({ maxAge: 600 }),
    claims: { iat: undefined },
    expected: 'a date at most 60 s ahead, or 660 s ago',
    found: 'none',
    hint: /set requireIat \(require_iat\) to false/,
  },
  { reason: 'invalid_subject', step: 'sub', claims: { sub: 'ali\u200bce' }, found: '"ali\\u200bce"' },
  { reason: 'invalid_subject', step: 'sub', claims: { sub: ' alice' }, found: '" alice"' },
  { reason: 'issued_in_future', step: 'iat', claims: { iat: 9_999_999_999 }, hint: /a clock is off by/ },
  { reason: 'too_old', step: 'iat', claims: { iat: 1_000 }, hint: /raise maxAge \(max_age\)$/ },
  {
    reason: 'lifetime_too_long',
    step: 'exp',
    claims: { exp: 9_999_999_999 },
    hint: /raise maxLifetime \(max_lifetime\)$/,
  },
  {
    reason: 'invalid_jwt_id',
    step: 'jti',
    host: ofProvider({ requireJti: true }),
    claims: { jti: undefined },
    expected: 'a non-empty string',
    found: 'none',
    hint: 'configure the identity provider to include jti, or set requireJti (require_jti) to false',
  },
  { reason: 'invalid_jwt_id', step: 'jti', claims: { jti: 5 }, hint: 'jti is a number: it must be a string' },
  { reason: 'invalid_jwt_id', step: 'jti', claims: { jti: '' }, hint: /^jti is empty/ },
  { reason: 'invalid_jwt_id', step: 'jti', claims: { jti: 'a\u0007' }, hint: 'jti has invisible characters' },
  {
    reason: 'invalid_subject',
    step: 'sub',
    claims: { sub: undefined },
    hint: /^sub is missing: configure the identity/,
  },
  { reason: 'invalid_subject', step: 'sub', claims: { sub: null }, hint: 'sub is null: it must be a string' },
  { reason: 'invalid_subject', step: 'sub', claims: { sub: ' alice' }, hint: 'sub has white space around it' },
  {
    reason: 'invalid_subject',
    step: 'sub',
    claims: { sub: 'al\u200Bice' },
    hint: 'sub has invisible characters',
  },
  {
    reason: 'unknown_issuer',
    step: 'iss',
    claims: { iss: undefined },
    hint: /^iss is missing: configure the identity/,
  },
  { reason: 'unknown_issuer', step: 'iss', claims: { iss: ['a'] }, hint: 'iss is an array: it must be a string' },
  {
    reason: 'wrong_token_kind',
    step: 'kind',
    claims: { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
    found: 'a logout token or a security event (events)',
    hint: 'it reports an event: send a token that the identity provider issues for this service',
  },
  {
    reason: 'wrong_token_kind',
    step: 'kind',
    claims: { nonce: 'n', at_hash: 'h' },
    found: 'an ID token of a login (nonce, at_hash)',
    hint: 'it is for the client that the user logs in to: configure the identity provider to issue a token for this service, with the alias as aud and without nonce',
  },
  {
    reason: 'wrong_token_kind',
    step: 'kind',
    claims: { htm: 'POST', htu: TOKEN_ENDPOINT },
    found: 'a DPoP proof (htm, htu)',
    hint: 'send the token that the proof belongs to',
  },
  {
    reason: 'wrong_token_kind',
    step: 'kind',
    claims: { token_introspection: { active: true } },
    found: 'an introspection response (token_introspection)',
    hint: 'send the token that was introspected',
  },
  {
    reason: 'wrong_token_kind',
    step: 'kind',
    claims: { typ: 'Refresh' },
    found: 'a refresh token (typ)',
    hint: 'it is for the identity provider only: send a token that was obtained with it',
  },
  { reason: 'unconfirmed_key', step: 'cnf', claims: { cnf: { jkt: 'x' } }, found: '{"jkt":"x"}', hint: /not bound$/ },
  { reason: 'unsupported_delegation', step: 'act', claims: { act: { sub: 'bot' } }, hint: /acts for the subject/ },
  { reason: 'client_not_allowed', step: 'client of the identity provider', host: { exchange: {} } },
  {
    reason: 'subject_not_allowed',
    step: 'allowedSubjects',
    host: ofProvider({ allowedSubjects: ['bob', 'team-*'] }),
    expected: 'one of allowedSubjects: "bob"; "team-*"',
    found: '"alice"',
  },
  {
    reason: 'subject_not_allowed',
    step: 'allowedSubjects',
    host: ofProvider({ allowedSubjects: ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'] }),
    expected: 'one of allowedSubjects: "a1"; "a2"; "a3"; "a4"; "a5"; and 2 more',
  },
  ...subjectCases(['Repo:acme/*'], 'repo:acme/orders', /differs from Repo:acme\/\* by upper and lower case/),
  ...subjectCases(['alice '], 'alice', /differs from alice {2}by white space/),
  ...subjectCases(
    ['bob', 'repo:acme/'],
    'repo:acme/orders',
    /begins with repo:acme\/: .* match the whole subject.* end it with \*/,
  ),
  ...subjectCases(['repo:*:ref:'], 'repo:a:ref:main', /begins with repo:\*:ref:/),
  ...subjectCases(['repo:acme$'], 'repo:acme', /not a regular expression/),
  ...subjectCases(['repo:.*'], 'repo:acme', /not a regular expression/),
  ...subjectCases(['bob'], 'Alice', /^if it may use this service, add it to allowedSubjects \(allowed_subjects\), /),
  ...subjectCases(['Alice*'], `alice${'x'.repeat(1100)}`, /^if it may use this service, add it/),
  {
    reason: 'claim_not_allowed',
    step: 'claim level',
    host: ofProvider({ requiredClaims: { level: { atLeast: 3, message: 'three or more' } } }),
    claims: { level: '3' },
    found: '"3"; three or more',
  },
  {
    reason: 'claim_not_allowed',
    step: 'claim a',
    host: ofProvider({ requiredClaims: { a: 'x' } }),
    found: /^none/,
    hint: /missing/,
  },
  ...almostCases('5', 5, 'it is a number: write it without quotes'),
  ...almostCases(5, '5', 'it is a string: write it in quotes'),
  ...almostCases('true', true, 'it is true or false: write it without quotes'),
  ...almostCases(false, 'false', 'it is a string: write it in quotes'),
  ...almostCases(['x', 'true'], true, 'it is true or false: write it without quotes'),
  ...almostCases({ oneOf: [1, 2] }, '2', 'it is a string: write it in quotes'),
  ...almostCases({ equals: true, message: 'verified only' }, 'true', 'it is a string: write it in quotes'),
  ...almostCases({ includes: '5' }, [4, 5], 'of an element: it is a number: write it without quotes'),
  ...almostCases({ includes: true }, ['true'], 'of an element: it is a string: write it in quotes'),
  ...almostCases({ atLeast: 3 }, '3', 'it is a string, not a number'),
  ...almostCases('main', 'Main', 'it differs from main by upper and lower case: they are compared exactly'),
  ...almostCases(['x', 'main'], 'main ', 'it differs from main by white space around it: they are compared exactly'),
  ...almostCases({ includes: 'Admins' }, ['x', 'admins'], /^it differs from Admins by upper and lower case/),
  ...almostCases({ includes: 'x' }, 'x', 'it is a string, not an array of one: set singleAsArray (single_as_array)'),
  ...almostCases({ includes: 'x*' }, 'xy', /set singleAsArray/),
  ...almostCases({ includes: 'x' }, 'y', 'it is a string, not an array of one'),
  ...almostCases({ includes: 'x' }, { x: true }, 'it is not an array'),
  ...almostCases({ includes: 'x' }, 'y x', 'it is one string of several words: use hasWord (has_word)'),
  ...almostCases({ includes: 'x' }, 'y x', /use hasWord/, { singleAsArray: true }),
  ...almostCases({ includes: 'x' }, 'X', /^it differs from x by upper and lower case/, { singleAsArray: true }),
  ...almostCases({ includes: 'x' }, 5, 'it is neither an array nor a string', { singleAsArray: true }),
  ...almostCases('x', ['x'], 'it is an array: use includes'),
  ...almostCases('x', 'y x', 'it is one string of several words: use hasWord (has_word)'),
  ...almostCases({ hasWord: 'x' }, ['x'], 'it is an array: use includes'),
  ...almostCases({ hasWord: 'x' }, 5, 'it is not a string'),
  ...almostCases({ hasWord: 'x' }, 'y,x', 'its words must be separated by spaces'),
  ...almostCases({ hasWord: 'x' }, 'y\tx', /separated by spaces/),
  ...almostCases({ hasWord: 'Orders.Read' }, 'a orders.read', /^it differs from Orders.Read by upper and lower case/),
  ...almostCases({ hasWord: 'Orders.Read' }, 'Orders.ReadWrite', 'none'),
  ...almostCases({ hasWord: 'x' }, `x ${'y'.repeat(16_383)}`, /^it is too long/),
  ...missingClaimCases(
    'kubernetes.io.namespace',
    { 'kubernetes.io': { namespace: 'shop' } },
    `there is a claim "kubernetes.io": write '"kubernetes.io".namespace'`,
  ),
  ...missingClaimCases(
    'a.kubernetes.io.pod.x.name',
    { a: { 'kubernetes.io': { 'pod.x': { name: 'n' } } } },
    `there is a claim "a": write 'a."kubernetes.io"."pod.x".name'`,
  ),
  ...missingClaimCases(
    '"realm_access.roles"',
    { realm_access: { roles: ['a'] } },
    `there is a claim "realm_access": write 'realm_access.roles'`,
  ),
  ...missingClaimCases('realm_access/roles', { realm_access: { roles: [] } }, /write 'realm_access.roles'$/),
  ...missingClaimCases(
    '/https://example.com/roles',
    { 'https://example.com/roles': 1 },
    /write 'https:\/\/example.com\/roles'$/,
  ),
  ...missingClaimCases(
    'https://a.example/ctx.team',
    { 'https://a.example/ctx': { team: 1 } },
    /write '"https:\/\/a.example\/ctx".team'$/,
  ),
  ...missingClaimCases(
    'roles',
    { realm_access: { roles: ['a'] } },
    `there is one at another path: 'realm_access.roles'`,
  ),
  ...missingClaimCases('realm_access.roles', { roles: ['a'] }, `there is one at another path: 'roles'`),
  ...missingClaimCases('a.b', { 'x.y': { b: 1 } }, `there is one at another path: '"x.y".b'`),
  ...missingClaimCases('a.b', { '': { b: 1 } }, `there is one at another path: '//b'`),
  ...['scopes', 'maxBeyondAssertion', 'max_beyond_assertion', 'alias'].flatMap((path) =>
    missingClaimCases(
      path,
      {},
      /missing: if this is meant as an option, move it out of the table requiredClaims \(required_claims\)$/,
    ),
  ),
  ...missingClaimCases('constructor', {}, 'the claim is missing: configure the identity provider to include it'),
  ...missingClaimCases(
    '/groups/0',
    { groups: [] },
    'the claim is missing: configure the identity provider to include it',
  ),
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: ofGrant({ name: 'read', when: { clients: 'app' } }),
    hint: 'read: the claim is missing: if this is meant as an option, move it out of the table when',
  },
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: ofProvider({ groupsToScopes: { admins: ['openid'] } }),
    claims: { realm_access: { groups: ['admins'] } },
    hint: "admins: there is one at another path: 'realm_access.groups': set it as groupsClaim (groups_claim)",
  },
  {
    reason: 'refused_by_check',
    step: 'check',
    host: ofProvider({ check: () => 'not on Sundays' }),
    found: /not on Sundays/,
  },
  ...verdictCases(false, 'false', /only true accepts/),
  ...verdictCases(undefined, 'undefined', /only true accepts/),
  ...verdictCases({ secret: 'x' }, 'an object', /only true accepts/),
  ...verdictCases(1, '1', /only true accepts/),
  ...verdictCases('', 'a string of 0 characters', 'none'),
  ...verdictCases('not now', 'a string; not now', 'none'),
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: RICH,
    claims: { ...RICH_CLAIMS, ref: 'dev', roles: {} },
    expected:
      /^at least one binding matches: read: roles.orders, expected an array with "reader"; .*: ref, expected exactly/,
    found: 'read: roles.orders is none; sign-in: ref is "dev"',
    hint: /^read: the claim is missing/,
  },
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: ofGrant({ name: 'read', when: { roles: { includes: 'reader', message: 'readers only' } } }),
    claims: { roles: 'reader' },
    found: 'read: roles is "reader" (readers only)',
    hint: 'read: it is a string, not an array of one: set singleAsArray (single_as_array)',
  },
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: ofGrant({ name: 'five', when: { level: '5' } }),
    claims: { level: 5 },
    hint: 'five: it is a number: write it without quotes',
  },
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: { ...ofGrant({ name: 'other', clients: ['other'] }), ...ofClients('app', 'other') },
    expected: 'at least one binding matches: other: another client',
    found: 'other: not for this client',
  },
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: ofProvider({ groupsToScopes: { admins: ['openid'] } }),
    expected: 'at least one binding matches: admins: groups, expected an array with "admins"',
    found: 'admins: groups is none',
    hint: /^admins: the claim is missing: .*groupsClaim \(groups_claim\)/,
  },
  {
    reason: 'no_binding_matches',
    step: 'bindings',
    host: ofProvider({ groupsToScopes: { admins: ['openid'] } }),
    claims: { groups: 'admins' },
    hint: 'admins: it is a string, not an array of one: set singleAsArray (single_as_array)',
  },
  {
    reason: 'mapped_claims_too_large',
    step: 'claimsToToken',
    host: ofProvider({ claimsToToken: { groups: 'groups' } }),
    claims: { groups: Array.from({ length: 900 }, (_, index) => `group-${index}`) },
    expected: 'at most 8192 bytes',
    found: 'groups, 10702 bytes',
  },
  {
    reason: 'mapped_claims_too_large',
    step: 'claimsToToken',
    host: ofProvider({ claimsToToken: { a: 'a', e: 'email', b: { value: 'x' } } }),
    claims: { a: 'ü'.repeat(5000) },
    found: 'a, b, 10016 bytes; left out: e',
  },
  {
    reason: 'subject_is_client_id',
    step: 'subject is not a client',
    claims: { sub: 'app' },
    found: '"app"',
    hint: /a client has this id: .*"namespaced"/,
  },
  {
    reason: 'jwks_unavailable',
    step: 'signature',
    before: () => host.idp.fault('down'),
    found: /connection_failed|ECONN/,
    hint: /^connection_failed ECONNREFUSED: http:.*\/jwks; nothing listens there: correct host and port in jwksUri/,
  },
  ...keySetCases(
    () => host.idp.fault('redirect'),
    /^redirected 302: http:.*; it leads to http:.*\/jwks\/elsewhere; if that is right, set it as jwksUri \(jwks_uri\)/,
  ),
  ...keySetCases(() => host.idp.fault('error'), /^unexpected_status 500: http:.*\/jwks; the endpoint reports an error/),
  ...keySetCases(() => host.idp.fault('garbage'), /^not_json: http:.*\/jwks; it is not JSON; correct jwksUri/),
  ...keySetCases(() => host.idp.fault('oversize'), /^too_large: http:.*; raise sizeLimitBytes \(size_limit_bytes\)$/),
  ...keySetCases(
    () => host.idp.publish([{ ...host.idp.signingKey.publicJwk, kid: 'enc', use: 'enc' }]),
    /^no_usable_key: http:.*\/jwks; every key is skipped: enc: not_for_signatures; the key set has no usable key: publish/,
  ),
  {
    reason: 'client_lookup_failed',
    step: 'client',
    host: { exchange: { findClient: fail } },
    found: /; Error ELOCKED$/,
  },
  {
    reason: 'host_function_timed_out',
    step: 'check',
    host: { ...ofProvider({ check: hang }), exchange: { hostFunctions: { timeout: 50 } } },
    found: /no verdict; check did not answer within 50 ms/,
  },
  {
    reason: 'host_function_limit_reached',
    step: 'check',
    host: { ...ofProvider({ check: hang }), exchange: { hostFunctions: { timeout: 3000, maxConcurrent: 1 } } },
    before: async () => {
      const isRunning = new Promise<void>((resolve) => {
        noteHanging = resolve
      })
      host.exchangeAssertion(await host.assertion()).catch(() => {})
      await isRunning
    },
    found: /the limit of 1 concurrent calls of check is reached/,
  },
  { reason: 'policy_check_failed', step: 'check', host: ofProvider({ check: fail }), found: /; Error ELOCKED$/ },
  {
    reason: 'subject_mapping_failed',
    step: 'subject',
    host: ofProvider({ subject: fail }),
    found: /; Error ELOCKED$/,
  },
  {
    reason: 'claim_mapping_failed',
    step: 'claimsToToken',
    host: ofProvider({ claimsToToken: { a: fail } }),
    found: /; Error ELOCKED$/,
  },
  {
    reason: 'invalid_scope',
    step: 'scope',
    scope: 'admin',
    expected: 'of the client: openid orders:read',
    found: 'requested: admin',
    hint: 'admin: not in the scopes of the client',
  },
  { reason: 'invalid_scope', step: 'scope', scope: 'openid,orders:read', hint: 'separate scopes by spaces' },
  { reason: 'invalid_scope', step: 'scope', scope: '"openid"', hint: /^separate scopes by spaces; .*quotation marks/ },
  {
    reason: 'invalid_scope',
    step: 'scope',
    host: ofProvider({ scopes: ['openid'] }),
    scope: 'orders:read admin',
    expected: 'of the client: openid orders:read; of the identity provider: openid',
    hint: 'orders:read: not in the scopes of the identity provider; admin: not in the scopes of the client, the identity provider',
  },
  {
    reason: 'invalid_scope',
    step: 'scope',
    host: ofProvider({
      bindings: [
        { name: 'in', scopes: ['openid'] },
        { name: 'none', when: { role: 'x' }, scopes: ['orders:read'] },
      ],
    }),
    scope: 'orders:read',
    expected: 'of the client: openid orders:read; of the bindings: openid',
    hint: 'orders:read: not in the scopes of the bindings',
  },
  {
    reason: 'invalid_scope',
    step: 'scope',
    host: ofGrant({ name: 'nothing' }),
    expected: 'of the client: openid orders:read; of the bindings: none',
    found: 'no scope requested',
    hint: 'openid: not in the scopes of the bindings; orders:read: not in the scopes of the bindings',
  },
  {
    reason: 'invalid_scope',
    step: 'scope',
    host: {
      ...ofProvider({
        bindings: [
          { name: 'a', scopes: ['openid'], resources: ['https://a.example.com'] },
          { name: 'b', scopes: ['orders:read'], resources: ['https://b.example.com'] },
        ],
      }),
      exchange: {
        accessToken: { audience: ['https://a.example.com', 'https://b.example.com'], signingKeys: [signingKey] },
      },
    },
    hint: 'the scopes belong to different resources: request scopes of one resource',
  },
  {
    reason: 'invalid_scope',
    step: 'scope',
    host: ofProvider({ scopeClaim: 'scp' }),
    claims: { scp: 'orders:write' },
    expected: 'of the client: openid orders:read; of the claim: orders:write',
    hint: 'openid: not in the scopes of the claim; orders:read: not in the scopes of the claim',
  },
  {
    reason: 'invalid_claim',
    step: 'scope',
    host: ofProvider({ scopeClaim: 'scp' }),
    claims: { scp: 7 },
    expected: 'of the client: openid orders:read; of the claim: none',
    hint: 'the claim must be a string of scopes with spaces between them, or an array of scopes',
  },
  { reason: 'unauthorized_client', step: 'client', host: ofClient({ grantTypes: ['client_credentials'] }) },
  {
    reason: 'unknown_client',
    step: 'client',
    host: { exchange: { clients: [{ ...SECRET, clientId: 'other' }] } },
    found: '"app"',
  },
]

/** Those that need to know of the host what is not there before it. */
const MADE_LATER: Readonly<Record<string, () => Promise<void>>> = {
  certificate_expired: async () => {
    host.exchange.reconfigure({
      ...basis(),
      identityProviders: [{ name: host.idp.name, allowedSubjects: 'any', certificates: [EC_CERTIFICATE] }],
    })
    host.clock.advance(3600 * 24 * 366 * 200)
  },
  client_not_allowed: async () => {
    const other = { name: 'https://other.example.com', allowedSubjects: 'any' as const, jwksUri: host.idp.jwksUri }
    host.exchange.reconfigure({
      ...basis(),
      subject: 'raw',
      identityProviders: [{ name: host.idp.name, allowedSubjects: 'any', jwksUri: host.idp.jwksUri }, other],
      clients: [{ ...CLIENT, identityProviders: [other.name] }],
    })
  },
}
const basis = () => ({
  issuer: 'https://api.example.com/oauth2',
  clients: [CLIENT],
  accessToken: { audience: 'https://api.example.com', signingKeys: [signingKey] },
  clock: host.clock,
})
describe('an explanation', () => {
  it.each(CASES.map((each) => [`${each.step}: ${each.reason}`, each] as const))(
    'tells %s, as the token endpoint does',
    async (_, each) => {
      host = await startClockedHost(each.host)
      await MADE_LATER[each.reason]?.()
      await each.before?.()
      const late = each.step === 'lifetime' ? { exp: now() - 30 } : {}
      const signed = await host.assertion({ ...late, ...each.claims }, each.header)
      const assertion = each.alter?.(signed) ?? signed
      const before = host.events.length
      const explanation = await explain(assertion, { clientId: 'app', ...(each.scope && { scope: each.scope }) })
      expect(host.events.slice(before).filter(({ name }) => name.startsWith('token.'))).toEqual([])
      expect(explanation).toMatchObject({ isAccepted: false, reason: each.reason })
      expect(failedStepsOf(explanation)[0]).toBe(`${each.step}: ${each.reason}`)
      const step = stepOf(explanation, each.step)
      for (const text of ['expected', 'found', 'hint'] as const) {
        const wanted = each[text]
        if (wanted !== undefined)
          expect(step?.[text] ?? 'none').toEqual(wanted instanceof RegExp ? expect.stringMatching(wanted) : wanted)
      }
      const response = await host.exchangeAssertion(assertion, each.scope === undefined ? {} : { scope: each.scope })
      expect([response.status >= 400, host.lastReason()]).toEqual([true, each.reason])
    },
  )

  it('is tested for every reason that an assertion, or its client, can be refused for', () => {
    const notOfAssertions = ['keys_not_fetched', 'replayed', 'client_required', 'wrong_issuer', 'revoked', 'inactive']
    // Those of lookups are tested with them.
    const ofLookups = [
      'identity_provider_lookup_failed',
      'identity_provider_lookup_limit_reached',
      'invalid_registration',
    ]
    const ofStores = ['replay_store_unavailable', 'replay_store_full']
    const ofRoutes = [
      'revocation_store_unavailable',
      'revocation_store_full',
      'introspection_failed',
      'introspection_limit_reached',
    ]
    const notOfExplanations = [...ofStores, ...ofRoutes, ...ofLookups, 'grant_failed', 'internal_error']
    const tested = new Set<string>(CASES.map(({ reason }) => reason))
    expect([...REJECTION_REASONS].filter((reason) => !tested.has(reason))).toEqual(notOfAssertions)
    expect([...UNAVAILABLE_REASONS].filter((reason) => !tested.has(reason))).toEqual(notOfExplanations)
    const ofRequests = [...REQUEST_REASONS].filter((reason) => tested.has(reason))
    expect(ofRequests).toEqual(['unauthorized_client', 'invalid_scope', 'unknown_client'])
  })

  it('of a good assertion tells every step and what is issued, and uses nothing up', async () => {
    host = await startClockedHost(RICH)
    const assertion = await host.assertion({ ...RICH_CLAIMS, groups: ['a'] })
    const explanation = await explain(assertion)
    expect(explanation).toMatchObject({
      isAccepted: true,
      accessToken: {
        subject: 'alice',
        scopes: ['openid', 'orders:read'],
        audiences: ['https://api.example.com'],
        lifetime: 60,
        claims: { tenant: 'acme', groups: ['a'] },
      },
    })
    expect(explanation.steps.map(({ step, outcome }) => (outcome === 'passed' ? step : `${step} ${outcome}`))).toEqual([
      ...['client', 'shape', 'iss', 'enabled', 'size', 'alg', 'typ', 'signature'],
      ...['sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'kind', 'cnf', 'act'],
      'client of the identity provider',
      ...['allowedSubjects', 'claim tenant', 'claim level', 'check', 'subject', 'subject is not a client'],
      ...['bindings', 'scope', 'claimsToToken', 'lifetime', 'replay skipped'],
    ])
    await explain(assertion)
    const { body } = await host.exchangeAssertion(assertion)
    expect(body).toMatchObject({ scope: 'openid orders:read', expires_in: 60 })
    expect((await explain(assertion)).isAccepted).toBe(true)
  })

  it('goes on after a step that fails', async () => {
    host = await startClockedHost(RICH)
    const assertion = await host.assertion({ aud: 'app', exp: 1000, tenant: 'other', level: 1, sub: 'mallory' })
    expect(failedStepsOf(await explain(assertion))).toEqual([
      'aud: wrong_audience',
      'exp: expired',
      'allowedSubjects: subject_not_allowed',
      'claim tenant: claim_not_allowed',
      'claim level: claim_not_allowed',
      'bindings: no_binding_matches',
    ])
  })

  it.each<[string, ExchangeHostOptions, Record<string, unknown>, string | undefined]>([
    [
      'the sub as it is, without one',
      { exchange: { subject: 'raw' } },
      { sub: 7 },
      'the raw sub is used: see the step sub',
    ],
    ['what is configured by default, without one', {}, { sub: undefined }, 'the raw sub is used: see the step sub'],
    ['a long one', {}, { sub: 's'.repeat(17_000) }, 'the raw sub is used, and it is too long'],
    ['a function that fails', ofProvider({ subject: fail }), {}, undefined],
  ])('speaks of no template where the subject is made of %s', async (_, options, claims, hint) => {
    host = await startClockedHost(options)
    const step = stepOf(await explain(await host.assertion(claims)), 'subject')
    expect([step?.outcome, step?.hint]).toEqual(['failed', hint])
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['missing', {}, 'the claim "kubernetes.io".namespace is missing'],
    ['empty', { 'kubernetes.io': { namespace: '' } }, 'the claim "kubernetes.io".namespace is empty'],
    ['a number', { 'kubernetes.io': { namespace: 7 } }, 'the claim "kubernetes.io".namespace is not a string'],
    [
      'one that holds what follows it',
      { 'kubernetes.io': { namespace: 'a|b' } },
      'the claim "kubernetes.io".namespace contains "|", which follows it in the template',
    ],
    ['the second one', { 'kubernetes.io': { namespace: 'a' }, email: [] }, 'the claim email is not a string'],
    [
      'too long',
      { 'kubernetes.io': { namespace: 'a'.repeat(17_000) }, email: 'b' },
      'it is too long, or has invisible characters or white space around it',
    ],
  ])('names the claim of a template that is %s', async (_, claims, hint) => {
    host = await startClockedHost(ofProvider({ subject: 'ns|${claims."kubernetes.io".namespace}|${claims.email}' }))
    const step = stepOf(await explain(await host.assertion(claims)), 'subject')
    expect([step?.outcome, step?.hint]).toEqual(['failed', hint])
  })

  it('names what is left out of the access token', async () => {
    host = await startClockedHost(ofProvider({ claimsToToken: { tenant: 'tenant', mail: 'email', groups: 'groups' } }))
    const explanation = await explain(await host.assertion({ tenant: 'acme' }))
    expect(stepOf(explanation, 'claimsToToken')).toMatchObject({
      outcome: 'passed',
      found: 'tenant; left out: mail, groups',
    })
  })

  it('says of a client that may present the assertions of nobody that it is so', async () => {
    host = await startClockedHost(ofClient({ identityProviders: [] }))
    expect(stepOf(await explain(await host.assertion()), 'client of the identity provider')).toMatchObject({
      reason: 'client_not_allowed',
      expected: 'none: identityProviders (identity_providers) of the client is empty',
      hint: 'add the identity provider to identityProviders (identity_providers) of the client',
    })
  })

  it.each<[string, () => void | Promise<void>, Record<string, unknown>]>([
    ['a disabled identity provider', () => host.exchange.disableIdentityProvider(host.idp.name), {}],
    ['a key set that cannot be had', () => host.idp.fault('down'), {}],
    ['an unknown key', () => {}, { kid: 'gone' }],
  ])('of %s says that the signature was not verified, not that it is bad', async (_, before, header) => {
    host = await startClockedHost(RICH)
    await before()
    const explanation = await explain(await host.assertion(RICH_CLAIMS, header))
    for (const name of ['check', 'subject', 'claimsToToken'])
      expect(stepOf(explanation, name)).toMatchObject({ found: 'not asked: the signature was not verified' })
  })

  it('without a client leaves out what depends on it', async () => {
    host = await startClockedHost()
    const explanation = await explain(await host.assertion(), {})
    expect(explanation).toMatchObject({ isAccepted: true })
    expect(explanation.accessToken).toBeUndefined()
    expect(stepOf(explanation, 'client')?.outcome).toBe('skipped')
    expect(stepOf(explanation, 'scope')?.outcome).toBe('skipped')
  })

  it.each<[string, unknown]>([
    ['an unknown option', { client: 'app' }],
    ['a client id that is no text', { clientId: 5 }],
    ['an empty scope', { scope: '' }],
  ])('is refused to %s', async (_, options) => {
    host = await startClockedHost()
    await expect(explain('x', options as ExplainOptions)).rejects.toThrow(ConfigError)
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['an object', {}],
    ['an array', ['a.b.c']],
    ['a promise', Promise.resolve('a.b.c')],
    ['a number', 7],
  ])('is refused to an assertion that is no string: %s', async (type, assertion) => {
    host = await startClockedHost()
    const refusal = host.exchange.explain(assertion as string, { client: 'app' } as ExplainOptions)
    await expect(refusal).rejects.toMatchObject({
      name: 'ConfigError',
      problems: [
        { code: 'wrong_type', path: ['explain', 'assertion'], message: `got ${type}; expected a string` },
        { code: 'unknown_option', path: ['explain', 'client'] },
      ],
    })
  })

  it('asks no function of the host about claims that nobody has signed', async () => {
    const asked: string[] = []
    const ask = (name: string) => () => {
      asked.push(name)
      return 'x'
    }
    host = await startClockedHost({
      identityProvider: { check: ask('check'), subject: ask('subject'), claimsToToken: { a: ask('claimsToToken') } },
      exchange: {
        findClient: (id: string) => {
          asked.push(`findClient ${id}`)
          return id === 'app' ? { ...CLIENT } : undefined
        },
      },
    })
    const forged = (await host.assertion({ sub: 'mallory' })).replace(/.{8}$/, 'AAAAAAAA')
    const explanation = await explain(forged)
    expect([explanation.reason, asked]).toEqual(['bad_signature', ['findClient app']])
    expect(stepOf(explanation, 'check')).toMatchObject({
      outcome: 'skipped',
      found: 'not asked: the signature is not good',
    })
    expect(stepOf(explanation, 'subject')).toMatchObject({ outcome: 'skipped' })
    expect(stepOf(explanation, 'claimsToToken')).toMatchObject({ outcome: 'skipped' })
  })

  it('ends within the time of a test for a long text: 31 KB of slashes as the issuer, amid 20 identity providers', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `https://idp-${index}.example.com`)
    const identityProviders = names.map((name) => ({
      name,
      allowedSubjects: 'any' as const,
      jwksUri: 'http://127.0.0.1:9/jwks',
    }))
    host = await startClockedHost({ exchange: { identityProviders, subject: 'raw' } })
    const slashes = '/'.repeat(23_000)
    const explanation = await explain(await host.assertion({ iss: `${slashes}x` }))
    expect(explanation.reason).toBe('unknown_issuer')
  })

  it('names the first bindings alone where thousands do not hold', async () => {
    const groups = Array.from({ length: 2000 }, (_, index) => `group-${index}`)
    const groupsToScopes = Object.fromEntries(groups.map((group) => [group, ['openid']]))
    host = await startClockedHost({ identityProvider: { groupsToScopes, maxBytes: 1_048_576 } })
    const claimed = Array.from({ length: 40_000 }, (_, index) => `other-${index}`)
    const explanation = await explain(await host.assertion({ groups: claimed }))
    expect(explanation.reason).toBe('no_binding_matches')
    expect(stepOf(explanation, 'bindings')?.found).toMatch(/^group-0: groups is \["other-0",/)
  })

  it('looks for a missing claim within the time of a test, however many ways there are to cut its path', async () => {
    let nested: unknown = {}
    for (let depth = 0; depth < 14; depth += 1) nested = { a: nested, 'a.a': nested }
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`claim-${index}`, {}]))
    const claims = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`${'a.'.repeat(30)}${index}`, 'x' as const]),
    )
    host = await startClockedHost({ identityProvider: { requiredClaims: claims, maxBytes: 1_048_576 } })
    const explanation = await explain(await host.assertion({ a: nested, ...many }))
    expect(failedStepsOf(explanation)).toHaveLength(200)
  })

  it('compares the first twenty of sixty thousand audiences with those that are accepted', async () => {
    host = await startClockedHost(ofProvider({ audiences: ['https://near.example.com'], maxBytes: 1_048_576 }))
    const others = Array.from({ length: 60_000 }, (_, index) => `a-${index}`)
    const hintOf = async (aud: string[]) => stepOf(await explain(await host.assertion({ aud })), 'aud')?.hint
    expect(await hintOf(others.with(19, 'https://near.example.com/'))).toMatch(/a slash at the end/)
    expect(await hintOf(others.with(20, 'https://near.example.com/'))).toMatch(/^if "a-0" means this service, /)
  })

  it('lets a long claim of one binding hide no other', async () => {
    const bindings = ['a', 'b', 'c'].map((name) => ({ name, when: { [name]: 'x' } }))
    host = await startClockedHost({ identityProvider: { bindings: bindings } })
    const explanation = await explain(await host.assertion({ a: 'y'.repeat(500), b: 'dev', c: 7 }))
    expect(stepOf(explanation, 'bindings')?.found).toMatch(/^a: a is "y{100,}\.\.\.; b: b is "dev"; c: c is 7$/)
  })

  it.each(['', '.', '..', 'a.b.c', '\u0000', '{}', 'x'.repeat(100_000)])('is one for any text: %#', async (text) => {
    host = await startClockedHost()
    const explanation = await explain(text)
    expect(explanation.isAccepted).toBe(false)
    for (const { step, expected, found, hint = '' } of explanation.steps) {
      for (const each of [step, expected, found, hint]) expect(each).toMatch(/^[\x20-\x7E]{0,200}$/)
    }
  })
})
