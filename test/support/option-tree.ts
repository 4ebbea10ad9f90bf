import { randomUUID } from 'node:crypto'
import { Agent } from 'node:https'
import { jest } from '@jest/globals'
import { stringify } from 'smol-toml'
import { hasFreeNames, tomlNameWithin, tomlPath } from '../../src/config/toml-names.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { createJwtExchange, generateSigningKey, hashClientSecret, type JwtExchangeOptions } from '../../src/index.js'
import { isPlainObject } from '../../src/option-checks/describe-value.js'
import { OptionReader } from '../../src/option-checks/option-reader.js'
import { generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AUTHORITY_CERTIFICATE } from './certificate-chain.js'
import { EC_CERTIFICATE, RSA_CERTIFICATE } from './certificates.js'

export type Path = readonly (string | number)[]
export type Tree = Readonly<Record<string, unknown>>

const NAME = 'https://idp.example.com'
const OTHER_NAME = 'https://other.example.com'
const API = 'https://api.example.com'
const BILLING = 'https://billing.example.com'
const ALIAS = 'https://api.example.com/token'
const SECRET = 'a secret of the option tree'
const key = await generateFakeKey('ES256', 'tree')
const signingKey = generateSigningKey()

/** What the host gives, with members that are no options. */
const NOW = 1_800_000_000
const providerStore = {
  find: async () => [],
  list: async () => [],
  get: async () => undefined,
  put: async () => {},
  remove: async () => false,
  watch: () => () => {},
}
export const clock = { now: () => NOW, monotonic: () => 0, note: undefined }
const store = { markUsed: () => true, client: undefined }
const revocationStore = { add: () => {}, read: () => ({ revocations: [] }), client: undefined }

const LIMITS = {
  ...{ clockTolerance: 5, maxAge: 300, maxLifetime: 400, maxBytes: 4096, replay: 'once' },
  ...{ requireIat: true, requireJti: true, soleAudience: true },
}

/** Members of these are named by RFC 7517. */
const OF_KEYS = ['identityProviders.jwks', 'clients.jwks', 'clients.certificate.jwks', 'accessToken.signingKeys']

/** An identity provider with every rule that there is, each narrower than its absence. */
const RULED = {
  name: NAME,
  profile: 'workload',
  alias: ALIAS,
  audiences: ['urn:old-alias'],
  types: ['example+jwt'],
  jwks: { keys: [key.publicJwk] },
  x5cOnlyKeys: false,
  keyUses: ['jwt-svid'],
  enabled: true,
  clientAuthentication: 'required',
  scopes: ['read', 'write'],
  lifetime: 900,
  maxBeyondAssertion: 600,
  subject: 'ci|${claims.sub}',
  accessTokens: {
    audience: API,
    types: ['at+jwt'],
    ...{ clockTolerance: 5, maxAge: 300, maxLifetime: 400, maxBytes: 4096 },
    ...{ requireIat: true, requireJti: true, soleAudience: true },
    algorithms: ['ES256'],
    allowedSubjects: ['alice', 'team-a:*'],
    requiredClaims: { plain: 'yes' },
    check: () => true,
    scopeClaims: ['scope', 'permissions'],
    scopes: ['read'],
    groupsToScopes: { admins: ['write'] },
    groupsClaim: 'array',
    singleAsArray: false,
    accessTokenClaims: ['scope'],
  },
  ...LIMITS,
  algorithms: ['ES256'],
  allowedSubjects: ['alice', 'team-a:*'],
  requiredClaims: {
    plain: 'yes',
    listed: ['one', 'two-*'],
    '"quoted.name"': { equals: 'q', message: 'wanted: q' },
    operators: { oneOf: ['a', 'b'], exists: true },
    array: { includes: ['x'] },
    same: { equalsClaim: 'plain' },
    words: { hasWord: 'x' },
    number: { atLeast: 1, atMost: 3, above: 0, below: 4 },
  },
  check: () => true,
  bindings: [
    { name: 'all', when: { plain: 'yes' }, clients: ['app'], scopes: ['read'], resources: [API], lifetime: 300 },
    { name: 'more', when: { sub: 'team-a:*' }, clients: ['app'], scopes: ['write'], resources: [API], lifetime: 200 },
  ],
  groupsToScopes: { admins: ['write'] },
  groupsClaim: 'array',
  scopeClaim: 'scp',
  singleAsArray: false,
  claimsToToken: { plain: 'plain', fixed: { value: ['a'] }, made: () => 'x' },
}
export const CLIENT = {
  clientId: 'app',
  clientSecret: SECRET,
  scopes: ['read', 'write'],
  lifetime: 800,
  identityProviders: [NAME],
  grantTypes: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
  resources: [API, BILLING],
}
const TOP = {
  issuer: 'https://api.example.com',
  tokenEndpoint: ALIAS,
  requireHttps: true,
  openidConfiguration: false,
  introspection: true,
  mtlsTokenEndpoint: 'https://mtls.api.example.com/token',
  metadata: { authorization_endpoint: 'https://api.example.com/authorize', ui_locales_supported: ['en'] },
  subject: 'namespaced',
  jwksEndpoint: {
    ...{ enable: true, connectionTimeout: 500, readTimeout: 500, sizeLimitBytes: 2048, maxKeys: 10 },
    ...{ cacheMaxAge: 1000, cacheMaxAgeAtLeast: 500, cacheMaxAgeAtMost: 2000, refreshAhead: 60, refreshBudget: 1 },
    ...{ cooldownDuration: 1000, cacheMaxAgeFallback: 1000, failureBackOff: 100, connectionRetries: 0 },
  },
  assertion: { ...LIMITS, algorithms: ['ES256'] },
  accessToken: {
    ...{ audience: [API, BILLING], lifetime: 1000, signingKeys: [signingKey], algorithm: 'ES256', cacheSizeBytes: 0 },
  },
  clientAuthentication: { maxFailures: 3, failureWindow: 60, allowTokenEndpointAudience: false },
  assertionStrategy: { waitForKeys: false },
  impliedScopes: { write: ['read'] },
  refusals: { documentation: 'https://docs.example.com/tokens' },
  replay: { store, timeout: 100, maxEntries: 10 },
  revocation: {
    ...{ mode: 'check', store: revocationStore, pollInterval: 100, maxStale: 2000, timeout: 100, maxEntries: 10 },
  },
  hostFunctions: { timeout: 100, maxConcurrent: 10 },
  identityProviderLookup: {
    ...{ maxIdentityProviders: 100, timeout: 100, pollInterval: 100, maxStale: 0, clientAuthentication: 'required' },
  },
  grants: [{ grantType: 'urn:example:grant', authorize: () => ({}), repeatableParameters: ['audience'] }],
  clock,
}

/** Options that exclude one another are spread over several examples; a file cannot say what has a function in it. */
export const EXAMPLES: Readonly<Record<string, Tree>> = {
  rules: { ...TOP, identityProviders: [RULED], clients: [CLIENT] },
  'an endpoint and a proxy': {
    ...TOP,
    identityProviders: [
      {
        name: NAME,
        ...connection(),
        jwksUri: `${NAME}/keys`,
        proxy: 'http://proxy.example.com:3128',
        allowedSubjects: 'any',
      },
    ],
    clients: [{ clientId: 'app', clientSecretHash: hashClientSecret(SECRET), scopes: ['read'] }],
  },
  'discovery and an agent': {
    ...TOP,
    identityProviders: [
      { name: NAME, ...connection(), discovery: true, agent: new Agent(), lookup: () => {}, allowedSubjects: 'any' },
    ],
    findClient: () => CLIENT,
  },
  'certificates and another provider': {
    ...TOP,
    identityProviders: [
      { name: NAME, certificates: [RSA_CERTIFICATE], scopes: ['read'] },
      {
        ...{ name: OTHER_NAME, id: 'other', registration: { claim: 'plain', value: 'yes' } },
        ...{ jwks: { keys: [key.publicJwk] }, scopes: ['read'] },
      },
    ],
    clients: [
      CLIENT,
      { clientId: 'keyed', jwks: { keys: [key.publicJwk] } },
      { clientId: 'fetched', jwksUri: 'https://app.example.com/keys' },
      { clientId: 'asserted', assertedBy: { identityProvider: 'other', subject: 'app' } },
    ],
  },
  'tenants of an identity provider': {
    ...TOP,
    subject: 'namespaced',
    identityProviders: [
      { name: `${NAME}/{tenantid}`, jwksUri: `${NAME}/keys`, allowedSubjects: 'any', tenants: ['acme', 'globex'] },
    ],
    clients: [{ clientId: 'app', clientSecret: SECRET, scopes: ['read'] }],
  },
  'a store of identity providers': {
    ...TOP,
    subject: 'namespaced',
    identityProviderStore: providerStore,
    clients: [CLIENT],
  },
  'a function that finds identity providers': {
    ...TOP,
    subject: 'namespaced',
    findIdentityProvider: () => undefined,
    clients: [CLIENT],
  },
  resources: {
    ...TOP,
    identityProviders: [RULED],
    clients: [{ ...CLIENT, resources: [API] }],
    resources: [
      {
        ...{ identifier: API, scopes: ['read', 'write'], lifetime: 700, name: 'Orders' },
        documentation: 'https://docs.example.com/orders',
      },
      { identifier: BILLING, scopes: ['read'] },
    ],
    accessToken: { ...TOP.accessToken, audience: [API] },
  },
  'clients with certificates': {
    ...TOP,
    clientCertificate: { header: 'X-Client-Cert', from: ['10.0.0.1'], ca: [AUTHORITY_CERTIFICATE] },
    identityProviders: [{ name: NAME, jwks: { keys: [key.publicJwk] }, scopes: ['read'] }],
    clients: [
      { subjectDn: 'CN=app,O=Example' },
      { sanDns: 'app.example.com' },
      { sanUri: 'https://app.example.com' },
      { sanIp: '2001:db8::1' },
      { sanEmail: 'app@example.com' },
      { sha256Thumbprints: ['ab'.repeat(32)] },
      { jwks: { keys: [{ kty: 'EC', x5c: [EC_CERTIFICATE.replace(/-.*-|\n/g, '')] }] } },
    ].map((certificate, index) => ({ clientId: `app${index}`, certificate, scopes: ['read'] })),
  },
}

function connection() {
  return {
    allowInsecureHttp: false,
    ca: [RSA_CERTIFICATE],
    headers: { 'X-Api-Key': 'k3y' },
    bearerTokenFile: '/run/token',
    network: 'any',
  }
}

/** The rules without what a file cannot say; the clock is to be laid over it. */
export function ruledFile(): Tree {
  const { check: _, claimsToToken, accessTokens, ...ruled } = RULED
  const { check: ______, ...ofTokens } = accessTokens
  const { made: __, ...sources } = claimsToToken
  const { clock: ___, grants: _____, replay, revocation, ...top } = TOP
  const { store: ____, ...memory } = replay
  const { store: _______, ...revocations } = revocation
  const identityProviders = [{ ...ruled, accessTokens: ofTokens, claimsToToken: sources }]
  return { ...top, replay: memory, revocation: revocations, identityProviders, clients: [CLIENT] }
}

/** Options as the text of a file. */
export function asToml(options: Tree): string {
  const tables: Record<string, unknown> = {}
  for (const [option, value] of Object.entries(options)) {
    const [table = '', inner] = tomlPath([option])
    const named = namedAsInFile(value, option)
    tables[table] = inner === undefined ? named : { [inner]: named }
  }
  return stringify(tables)
}

function namedAsInFile(value: unknown, option: string): unknown {
  if (Array.isArray(value)) return value.map((member) => namedAsInFile(member, option))
  if (!isPlainObject(value) || OF_KEYS.includes(option)) return value
  const entries = Object.entries(value).map(([name, member]) => {
    return [hasFreeNames(option) ? name : tomlNameWithin(option, name), namedAsInFile(member, `${option}.${name}`)]
  })
  return Object.fromEntries(entries)
}

/** Every text in the options of a file, but those in keys. */
export function textsIn(options: Tree): Path[] {
  return placesIn(options).filter((path) => {
    const isOfKey = OF_KEYS.some((name) => nameOf(path).replaceAll('.*', '').startsWith(name))
    return typeof valueAt(options, path) === 'string' && !isOfKey
  })
}

/** Every place in the options, from the top down; not within what the host gives. */
export function placesIn(tree: unknown, path: Path = []): Path[] {
  if ([clock, store, revocationStore, providerStore].some((each) => each === tree)) return []
  const entries: [string | number, unknown][] = Array.isArray(tree)
    ? [...tree.entries()]
    : isPlainObject(tree)
      ? Object.entries(tree)
      : []
  return entries.flatMap(([step, value]) => [[...path, step], ...placesIn(value, [...path, step])])
}

/** Every option that the readers ask for, as a path with `*` for an index. */
export function optionsAskedFor(read: () => unknown): Set<string> {
  const asked = new Set<string>()
  const isNamed = OptionReader.prototype.isNamed
  const spy = jest.spyOn(OptionReader.prototype, 'isNamed').mockImplementation(function (this: OptionReader, name) {
    asked.add(nameOf([...this.path, name]))
    return Reflect.apply(isNamed, this, [name])
  })
  try {
    read()
  } finally {
    spy.mockRestore()
  }
  return asked
}

export function nameOf(path: Path): string {
  return path.map((step) => (typeof step === 'number' ? '*' : step)).join('.')
}

export function valueAt(tree: unknown, path: Path): unknown {
  return path.reduce((value, step) => Reflect.get(Object(value), step), tree)
}

/** A copy of the tree with another value in one place. */
export function withValue(tree: unknown, [step, ...rest]: Path, value: unknown): Tree {
  if (step === undefined) return value as Tree
  const copy: object = Array.isArray(tree) ? [...tree] : { ...(tree as Tree) }
  Object.defineProperty(copy, step, {
    value: rest.length === 0 ? value : withValue(Reflect.get(Object(tree), step), rest, value),
    enumerable: true,
    writable: true,
    configurable: true,
  })
  return copy as Tree
}

/** A copy of the tree without one member of an object. */
export function withoutPlace(tree: unknown, path: Path): Tree {
  const parent = path.slice(0, -1)
  const { [String(path.at(-1))]: _, ...others } = valueAt(tree, parent) as Tree
  return withValue(tree, parent, others)
}

/** The path of the place of the first problem, or undefined where the options are accepted. */
export function findRefusal(options: unknown): unknown {
  try {
    readExchangeOptions(options)
    return undefined
  } catch (error) {
    return error
  }
}

/** What one request would obtain. */
interface Obtained {
  scopes: readonly string[]
  audiences: readonly string[]
  lifetime: number
}

const GOOD = { iss: NAME, sub: 'alice', aud: ALIAS, plain: 'yes', listed: 'one', 'quoted.name': 'q', operators: 'a' }
const MORE = { array: ['x'], same: 'yes', number: 2, words: 'w x' }
/** Changes to a good assertion, each of which one rule refuses, or narrows. */
const CHANGES: readonly Tree[] = [
  ...[
    {},
    { sub: 'team-a:ci' },
    { sub: 'mallory' },
    { sub: '*' },
    { sub: 'team-b:ci' },
    { plain: 'no' },
    { plain: '*' },
  ],
  ...[{ listed: 'three' }, { listed: 'two-x' }, { listed: undefined }, { 'quoted.name': 'r' }, { operators: 'c' }],
  ...[{ operators: undefined }, { array: ['y'] }, { array: ['x', 'admins'] }, { array: undefined }, { same: 'no' }],
  ...[{ number: 9 }, { number: -1 }, { number: undefined }, { aud: 'urn:old-alias' }, { aud: 'urn:other' }],
  ...[{ iss: OTHER_NAME }, { iat: -400 }, { exp: 1000 }, { pad: 'x'.repeat(6000) }, { iat: 30 }, { words: 'xx' }],
  ...[{ aud: [ALIAS, 'urn:other'] }, { jti: undefined }],
  ...[{ scp: 'read' }, { sub: 'team-a:ci', scp: ['write'] }, { scp: 7 }],
]

async function assertionOf(changes: Tree, typ: string): Promise<string> {
  const { iat = 0, exp = 100, ...others } = changes
  const dates = { iat: NOW + Number(iat), exp: NOW + Number(exp), jti: randomUUID() }
  return signAssertion(key, { alg: 'ES256', kid: 'tree', typ }, { ...GOOD, ...MORE, ...dates, ...others })
}

const assertions = await Promise.all([
  ...CHANGES.map((changes) => assertionOf(changes, 'JWT')),
  ...['example+jwt', 'other+jwt'].map((typ) => assertionOf({}, typ)),
])

/** What each of many assertions can obtain by these options, by requests of one scope or another; the keys must be configured. */
export async function obtainedBy(options: Tree): Promise<Obtained[][]> {
  const exchange = createJwtExchange(options as unknown as JwtExchangeOptions)
  const obtain = async (assertion: string): Promise<Obtained[]> => {
    const ofAny = await exchange.explain(assertion, { clientId: 'app' })
    const failed = ofAny.steps.filter(({ outcome }) => outcome === 'failed')
    // What else fails refuses requests of any scope.
    if (failed.some(({ step }) => !['bindings', 'scope'].includes(step))) return []
    const ofOne = ['read', 'write'].map((scope) => exchange.explain(assertion, { clientId: 'app', scope }))
    return [ofAny, ...(await Promise.all(ofOne))].flatMap(({ accessToken }) => accessToken ?? [])
  }
  try {
    return await Promise.all(assertions.map(obtain))
  } finally {
    exchange.close()
  }
}

/** Whether no assertion obtains by the one what it cannot obtain by the other. */
export function isWithin(narrow: readonly Obtained[][], wide: readonly Obtained[][]): boolean {
  return narrow.every((tokens, index) => {
    return tokens.every((token) => wide[index]?.some((other) => isPartOf(token, other)) === true)
  })
}

function isPartOf(token: Obtained, other: Obtained): boolean {
  const isSubset = (left: readonly string[], right: readonly string[]) => left.every((each) => right.includes(each))
  return (
    token.lifetime <= other.lifetime &&
    isSubset(token.scopes, other.scopes) &&
    isSubset(token.audiences, other.audiences)
  )
}
