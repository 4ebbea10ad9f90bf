/** A JSON Schema (2020-12), as OpenAPI 3.1 has them. */
export interface Schema {
  readonly [keyword: string]: unknown
}

type Members = Readonly<Record<string, Schema>>

export const TEXT: Schema = { type: 'string' }
const TEXTS: Schema = { type: 'array', items: TEXT }
const NUMBER: Schema = { type: 'number' }
const INTEGER: Schema = { type: 'integer' }
const FLAG: Schema = { type: 'boolean' }
const OBJECT: Schema = { type: 'object' }
const SECONDS: Schema = { type: 'number', description: 'Seconds since the epoch.' }
const TEXT_OR_TEXTS: Schema = { anyOf: [TEXT, TEXTS] }

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** An object with these members; those that end in `?` may be absent, and there are no others. */
export function object(members: Members, more: Schema = {}): Schema {
  const names = Object.keys(members)
  return {
    type: 'object',
    required: names.filter((name) => !name.endsWith('?')),
    properties: Object.fromEntries(Object.entries(members).map(([name, each]) => [name.replace(/\?$/, ''), each])),
    additionalProperties: false,
    ...more,
  }
}

export function list(items: Schema): Schema {
  return { type: 'array', items }
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values }
}

function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] }
}

/** The options of an entry, which docs/options.md describes. */
const ENTRY = object(
  {
    'id?': { type: 'string', maxLength: 200 },
    'displayName?': { type: 'string', maxLength: 200 },
    'description?': { type: 'string', maxLength: 2000 },
    'name?': { type: 'string', maxLength: 1000 },
    'alias?': TEXT,
    'enabled?': FLAG,
    'profile?': oneOf('jwt-bearer', 'workload'),
    'registration?': object({ claim: TEXT, value: TEXT }),
    'jwksUri?': TEXT,
    'discovery?': { type: ['boolean', 'string'] },
    'certificates?': TEXTS,
    'jwks?': OBJECT,
    'x5cOnlyKeys?': FLAG,
    'keyUses?': TEXTS,
    'ca?': TEXT_OR_TEXTS,
    'headers?': { type: 'object', additionalProperties: TEXT },
    'bearerTokenFile?': TEXT,
    'proxy?': TEXT,
    'network?': oneOf('any', 'public'),
    'allowInsecureHttp?': FLAG,
    'allowedSubjects?': TEXT_OR_TEXTS,
    'requiredClaims?': OBJECT,
    'bindings?': list(OBJECT),
    'groupsToScopes?': { type: 'object', additionalProperties: TEXTS },
    'groupsClaim?': TEXT,
    'scopeClaim?': TEXT,
    'singleAsArray?': FLAG,
    'claimsToToken?': OBJECT,
    'clientAuthentication?': oneOf('required', 'optional'),
    'scopes?': TEXTS,
    'lifetime?': INTEGER,
    'maxBeyondAssertion?': INTEGER,
    'subject?': TEXT,
    'audiences?': TEXTS,
    'types?': TEXTS,
    'clockTolerance?': INTEGER,
    'maxAge?': INTEGER,
    'requireIat?': FLAG,
    'requireJti?': FLAG,
    'soleAudience?': FLAG,
    'maxLifetime?': INTEGER,
    'maxBytes?': INTEGER,
    'replay?': oneOf('once', 'allow'),
    'algorithms?': TEXTS,
  },
  {
    description:
      'An entry of the option identityProviders, as docs/options.md describes it. Secrets are answered as "[not shown]"; sent back so, they are kept.',
  },
)

const FETCH_FAILURE = { reason: TEXT, 'code?': TEXT, 'url?': TEXT, 'detail?': TEXT }

const KEY_SOURCE_STATS = object({
  state: oneOf('ok', 'idle', 'stale', 'degraded', 'down', 'never'),
  kids: list(orNull(TEXT)),
  keys: list(
    object({ 'kid?': TEXT, algorithms: TEXTS, 'certificateExpiresAt?': SECONDS, 'note?': oneOf('x5c_unreadable') }),
  ),
  'cut?': object({ keys: INTEGER, maxKeys: INTEGER }),
  'certificates?': list(object({ subject: TEXT, expiresAt: SECONDS })),
  'keySetAge?': NUMBER,
  'expiresIn?': NUMBER,
  'servesFor?': NUMBER,
  'nextRefreshIn?': NUMBER,
  'nextAttemptIn?': NUMBER,
  'metadataFailure?': object({ ...FETCH_FAILURE, failingForMs: NUMBER }),
  'unknownKids?': INTEGER,
  'badSignatures?': INTEGER,
  'budget?': object({ unknownKids: NUMBER, badSignatures: NUMBER }),
  'waiting?': INTEGER,
  'fetches?': INTEGER,
  'failedFetches?': INTEGER,
  'consecutiveFailures?': INTEGER,
  'fetchDurationMs?': object({ total: NUMBER, longest: NUMBER }),
  'lastSuccess?': object({ millisecondsAgo: NUMBER, durationMs: NUMBER }),
  'lastFailure?': object({ ...FETCH_FAILURE, millisecondsAgo: NUMBER, durationMs: NUMBER }),
})

const ENTRY_PROBLEM = object({
  code: TEXT,
  path: { type: 'array', items: { type: ['string', 'integer'] }, description: 'From the entry on.' },
  message: TEXT,
  'suggestion?': TEXT,
})

/** What requests and answers refer to. */
export const SCHEMAS: Members = {
  Entry: ENTRY,
  IdentityProvider: object({
    id: TEXT,
    source: oneOf('store', 'options', 'lookup'),
    registration: orNull(ref('Entry')),
    'revision?': TEXT,
    'updatedAt?': SECONDS,
    enabled: FLAG,
    name: TEXT,
    'alias?': TEXT,
    'displayName?': TEXT,
    keys: orNull(ref('KeySourceStats')),
  }),
  IdentityProviderList: object({
    identityProviders: list(ref('IdentityProvider')),
    next: orNull(TEXT),
    isReadOnly: FLAG,
  }),
  KeySourceStats: KEY_SOURCE_STATS,
  Keys: object({ keys: ref('KeySourceStats') }),
  EntryProblem: ENTRY_PROBLEM,
  Problems: object({ problems: list(ref('EntryProblem')) }),
  Trial: object({ id: TEXT, name: TEXT, alias: TEXT, enabled: FLAG, keys: ref('KeySourceStats') }),
  DiscoveredIssuer: object({ issuer: TEXT, metadataUrl: TEXT, jwksUri: TEXT, algorithms: TEXTS }),
  Import: object({
    registrations: list(
      object({
        registration: OBJECT,
        problems: list(ref('EntryProblem')),
        notMapped: list(object({ path: TEXT, why: TEXT })),
      }),
    ),
    saved: TEXTS,
  }),
  Explanation: object({
    isAccepted: FLAG,
    'reason?': TEXT,
    steps: list(
      object({
        step: TEXT,
        outcome: oneOf('passed', 'failed', 'skipped'),
        'reason?': TEXT,
        expected: TEXT,
        found: TEXT,
        'hint?': TEXT,
      }),
    ),
    'accessToken?': object({ subject: TEXT, scopes: TEXTS, audiences: TEXTS, lifetime: NUMBER, claims: OBJECT }),
  }),
  Events: object({ events: list(ref('Event')), next: INTEGER }),
  Event: object({ n: INTEGER, at: SECONDS, name: TEXT, data: OBJECT }),
  Stats: {
    type: 'object',
    required: ['identityProviders', 'config'],
    properties: { identityProviders: list(OBJECT), config: OBJECT },
  },
  Problem: object({
    type: { type: 'string', pattern: '^urn:express-jwt-exchange:problem:[a-z-]+$' },
    title: TEXT,
    status: INTEGER,
    detail: TEXT,
    'problems?': list(ref('EntryProblem')),
    'attempts?': list(object(FETCH_FAILURE)),
  }),
}
