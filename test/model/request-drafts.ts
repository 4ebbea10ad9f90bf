import fc from 'fast-check'
import { ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import {
  BEARER_GRANT,
  CERTIFICATES,
  CLIENTS,
  type ClientParty,
  KEYS,
  OWN_GRANT,
  PROVIDERS,
  type ProviderParty,
} from './parties.js'

/** How the dates of a token are: seconds from now. */
export const LIVES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  good: { iat: 0, exp: 300 },
  'without iat': { exp: 300 },
  expired: { iat: -600, exp: -120 },
  'without exp': { iat: 0 },
  'not yet': { iat: 0, nbf: 600, exp: 900 },
  'issued in the future': { iat: 600, exp: 900 },
  'two hours': { iat: 0, exp: 7200 },
  'twelve days': { iat: 0, exp: 1_000_000 },
  'forty minutes old': { iat: -2400, exp: 300 },
  'two hours old': { iat: -7200, exp: 300 },
}

/** What a token is to be. `undefined` leaves a member out. */
export interface TokenDraft {
  iss: string | undefined
  sub: string | undefined
  aud: string | readonly string[] | undefined
  life: string
  /** `fresh`: used by nothing else in the run. */
  jti: string
  typ: string | undefined
  group: string
  key: string
  kid: string | undefined
}

/** Text, or a token that is signed when it is sent. */
export type Value = string | TokenDraft

/** Each parameter with all its values: none, one, or more than there may be. */
export interface RequestDraft {
  grant_type: readonly Value[]
  assertion: readonly Value[]
  scope: readonly Value[]
  client_id: readonly Value[]
  client_secret: readonly Value[]
  client_assertion: readonly Value[]
  client_assertion_type: readonly Value[]
  /** `Authorization` headers. */
  authorization: readonly string[]
  certificate: string
}

const JWT_BEARER_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const SPIFFE_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'
const IDS = CLIENTS.map(({ id }) => id)
const SECRETS = CLIENTS.flatMap(({ secret = [] }) => secret)
const ISSUERS = [...PROVIDERS.map(({ name }) => name), ...IDS, 'https://unknown.example.com', ISSUER]
const SUBJECTS = ['alice', 'bob', ...CLIENTS.flatMap(({ assertedBy }) => assertedBy?.subject ?? [])]
const RIGHT_TOKEN = { life: 'good', jti: 'fresh', typ: undefined, group: 'guests' } as const

/** What a client does to authenticate itself as it should. With a secret, it has several ways. It may not use each grant. */
function rightWaysOf(client: ClientParty): Partial<RequestDraft>[] {
  const grantTypes = client.grantTypes === undefined ? [BEARER_GRANT] : [BEARER_GRANT, OWN_GRANT]
  return authenticationsOf(client).flatMap((way) =>
    grantTypes.map((grantType) => ({ ...way, grant_type: [grantType] })),
  )
}

function authenticationsOf({ id, secret, keys, assertedBy, subjectDn }: ClientParty): Partial<RequestDraft>[] {
  if (secret !== undefined) {
    const raw = { authorization: [basic(id, secret, false)] }
    const encoded = { authorization: [basic(id, secret, true)] }
    const named = { client_id: [id] }
    return [raw, encoded, { ...raw, ...named }, { ...encoded, ...named }, { ...named, client_secret: [secret] }]
  }
  const byToken = (token: TokenDraft, type = JWT_BEARER_TYPE) => {
    const proved = { client_assertion: [token], client_assertion_type: [type] }
    return [proved, { ...proved, client_id: [id] }]
  }
  if (keys !== undefined) {
    return keys.flatMap((key) => byToken({ ...RIGHT_TOKEN, iss: id, sub: id, aud: ISSUER, key, kid: key }))
  }
  if (assertedBy !== undefined) {
    const ofProvider = PROVIDERS.filter((each) => each.id === assertedBy.provider).flatMap(rightAssertionsOf)
    const tokens = ofProvider.map((token) => ({ ...token, sub: assertedBy.subject }))
    const svids = tokens.map((token) => ({ ...token, iss: undefined, aud: ISSUER }))
    const isSvid = assertedBy.provider.startsWith('spiffe:')
    return [
      ...tokens.flatMap((token) => byToken(token)),
      ...(isSvid ? svids : []).flatMap((svid) => byToken(svid, SPIFFE_TYPE)),
    ]
  }
  return [{ client_id: [id], certificate: subjectDn === undefined ? 'pinned' : 'named' }]
}

/** RFC 6749 §2.3.1: form-encoded first. Many clients leave that out. */
function basic(id: string, secret: string, isFormEncoded: boolean): string {
  const encode = (text: string) => (isFormEncoded ? new URLSearchParams([['', text]]).toString().slice(1) : text)
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}

function rightAssertionsOf({ name, keys, onlyGroup = 'guests' }: ProviderParty): TokenDraft[] {
  const right = { ...RIGHT_TOKEN, group: onlyGroup }
  return keys.map((key) => ({ ...right, iss: name, sub: 'alice', aud: TOKEN_ENDPOINT, key, kid: key }))
}

/** A fifth is without a client. */
const rightWay = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom<Partial<RequestDraft>[]>({}, {}, {}, {}, { grant_type: [OWN_GRANT] }) },
  { weight: 4, arbitrary: fc.constantFrom(...CLIENTS).chain((client) => fc.constantFrom(...rightWaysOf(client))) },
)
const rightAssertion = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...PROVIDERS.filter(({ enabled }) => !enabled).flatMap(rightAssertionsOf)) },
  { weight: 9, arbitrary: fc.constantFrom(...PROVIDERS.filter(({ enabled }) => enabled).flatMap(rightAssertionsOf)) },
)
const rightClientAssertion = fc.constantFrom(
  ...CLIENTS.flatMap(rightWaysOf).flatMap(({ client_assertion = [] }) => client_assertion),
)

const text = fc.constantFrom<string[]>
const audience = fc.constantFrom<string | readonly string[] | undefined>(
  ...[ISSUER, TOKEN_ENDPOINT, 'https://other.example.com', [ISSUER], [TOKEN_ENDPOINT], [ISSUER, TOKEN_ENDPOINT]],
  ...[[TOKEN_ENDPOINT, 'https://other.example.com'], [TOKEN_ENDPOINT, TOKEN_ENDPOINT], [], undefined],
)

/** Mostly undefined: no change. */
function seldom<Each>(arbitrary: fc.Arbitrary<Each>, oneIn: number): fc.Arbitrary<{ to: Each } | undefined> {
  const change = arbitrary.map((to) => ({ to }))
  return fc.oneof(
    { withCrossShrink: true },
    { weight: oneIn - 1, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: change },
  )
}

type Changes<Draft> = { [Name in keyof Draft]?: { to: Draft[Name] } | undefined }

function withChanges<Draft extends object>(draft: Draft, changes: Changes<Draft>): Draft {
  const made = Object.entries(changes).flatMap(([name, change]) =>
    typeof change === 'object' && change !== null && 'to' in change ? [[name, change.to] as const] : [],
  )
  return { ...draft, ...Object.fromEntries(made) }
}

/** @param ease how often there is a change: 1, or twice as often with 2 */
function changesOfToken(ease: number): fc.Arbitrary<Changes<TokenDraft>> {
  return fc.record({
    iss: seldom(fc.constantFrom<string | undefined>(...ISSUERS, undefined), 30 / ease),
    sub: seldom(fc.constantFrom<string | undefined>(...SUBJECTS, ...IDS, '', undefined), 16 / ease),
    aud: seldom(audience, 20 / ease),
    life: seldom(text(...Object.keys(LIVES)), 20 / ease),
    jti: seldom(text('first', 'first', 'second', 'none'), 4 / ease),
    typ: seldom(fc.constantFrom<string | undefined>('JWT', 'JOSE', 'client-authentication+jwt', 'at+jwt'), 20 / ease),
    group: seldom(text('staff', 'staff', 'guests', 'others'), 2),
    key: seldom(text(...KEYS), 30 / ease),
    kid: seldom(fc.constantFrom<string | undefined>(undefined, ...KEYS), 20 / ease),
  })
}

/** A token of anybody for anything, and then some more changes. */
const anyToken = fc
  .tuple(fc.oneof(rightAssertion, rightClientAssertion), changesOfToken(1))
  .map(([token, changes]) => (typeof token === 'string' ? token : withChanges(token, changes)))

/** None, one of these or an empty one, or two of them. */
function anyValues<Each>(value: fc.Arbitrary<Each>, empty: Each): fc.Arbitrary<readonly Each[]> {
  const one = fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constant(empty) })
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 12, arbitrary: fc.tuple(one) },
    { weight: 1, arbitrary: fc.tuple(one, one) },
  )
}

const tokenValue = fc.oneof<fc.Arbitrary<Value>[]>(anyToken, text('garbage', 'e30.e30.AA'))
const header = fc.oneof(
  fc
    .tuple(text(...IDS, 'nobody', ''), text(...SECRETS, 'a wrong secret of nobody', ''), fc.boolean())
    .map(([id, secret, isFormEncoded]) => basic(id, secret, isFormEncoded)),
  text('Basic', 'Basic bm9jb2xvbg==', 'Basic %%%', 'Bearer e30.e30.AA', 'Digest username="app"', '', 'app'),
)

const requestChanges: fc.Arbitrary<Changes<RequestDraft>> = fc.record({
  grant_type: seldom(anyValues<Value>(text(OWN_GRANT, BEARER_GRANT, 'client_credentials'), ''), 8),
  assertion: seldom(anyValues<Value>(tokenValue, ''), 12),
  scope: seldom(
    anyValues<Value>(text('read', 'write', 'admin', 'read write', 'read foreign', 'foreign', 're"ad', ' '), ''),
    3,
  ),
  client_id: seldom(anyValues<Value>(text(...IDS, 'nobody', ...SECRETS, ...ISSUERS, 'alice'), ''), 12),
  client_secret: seldom(anyValues<Value>(text(...SECRETS, 'a wrong secret of nobody'), ''), 15),
  client_assertion: seldom(anyValues<Value>(tokenValue, ''), 15),
  client_assertion_type: seldom(anyValues<Value>(text(JWT_BEARER_TYPE, SPIFFE_TYPE, 'urn:example'), ''), 15),
  authorization: seldom(anyValues(header, ''), 15),
  certificate: seldom(text('plain', 'none', ...Object.keys(CERTIFICATES)), 3),
})

interface Ingredients {
  way: Partial<RequestDraft>
  assertion: TokenDraft
  changesOfAssertion: Changes<TokenDraft>
  changesOfClientAssertion: Changes<TokenDraft>
  changes: Changes<RequestDraft>
}

const ingredients: fc.Arbitrary<Ingredients> = fc.record({
  way: rightWay,
  assertion: rightAssertion,
  changesOfAssertion: changesOfToken(1),
  changesOfClientAssertion: changesOfToken(2),
  changes: requestChanges,
})

/**
 * Some requests: each is a right one of anybody with changes of any kind. Most have none or one, so most are right or nearly
 * right. Half of them have the client or the identity provider of the run.
 */
export const requestDrafts: fc.Arbitrary<RequestDraft[]> = fc
  .record({
    favoured: fc.record({ way: rightWay, assertion: rightAssertion }),
    requests: fc.array(fc.record({ own: ingredients, hasOwnWay: fc.boolean(), hasOwnAssertion: fc.boolean() }), {
      ...{ minLength: 1, maxLength: 8, size: 'max' },
    }),
  })
  .map(({ favoured, requests }) =>
    requests.map(({ own, hasOwnWay, hasOwnAssertion }) => {
      const way = hasOwnWay ? own.way : favoured.way
      return draftOf({ ...own, way, assertion: hasOwnAssertion ? own.assertion : favoured.assertion })
    }),
  )

function draftOf({ way, assertion, changesOfAssertion, changesOfClientAssertion, changes }: Ingredients): RequestDraft {
  const right: RequestDraft = {
    grant_type: [BEARER_GRANT],
    assertion: [withChanges(assertion, changesOfAssertion)],
    scope: [],
    client_id: [],
    client_secret: [],
    client_assertion_type: [],
    authorization: [],
    certificate: 'plain',
    ...way,
    client_assertion: (way.client_assertion ?? []).map((each) =>
      typeof each === 'string' ? each : withChanges(each, changesOfClientAssertion),
    ),
  }
  return withChanges(right, changes)
}
