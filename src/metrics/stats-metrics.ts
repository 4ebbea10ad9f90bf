import type { IdentityProviderStats, JwtExchangeStats } from '../exchange/stats.js'
import type { IssuerStats } from '../resource-server/create-resource-server.js'
import { counter, gauge, type Labels, type Measurement, type Metric } from './metric.js'

/** The statistics of an exchange, or of a resource server, which has only some of them. */
export interface ObservedStats extends Partial<JwtExchangeStats> {
  identityProviders: readonly IssuerStats[]
}

/** What one identity provider gives for a metric. A value that is not known has no series. */
type ReadOne = (stats: IssuerStats) => readonly [value: number | undefined, labels?: Labels][]
type ReadAll = (stats: ObservedStats) => readonly [value: number | undefined, labels?: Labels][]

const STATES = ['ok', 'idle', 'stale', 'degraded', 'down', 'never'] as const
const REVOCATION_STATES = ['following', 'loading', 'stale'] as const
const ENABLED = gauge(
  'jwt_exchange.identity_provider.enabled',
  '',
  '1 if its assertions are accepted, 0 if all are refused.',
)

/** Of each enabled identity provider that has a label of its own. */
const OF_EACH: readonly [Metric, ReadOne][] = [
  [
    gauge('jwt_exchange.key_set.state', '', '1 for the state of the key set, 0 for the other states.'),
    (stats) => STATES.map((state) => [state === stats.state ? 1 : 0, { state }]),
  ],
  [
    gauge('jwt_exchange.key_set.age', 's', 'Time since the key set was fetched or confirmed.'),
    ({ keySetAge }) => [[inSeconds(keySetAge)]],
  ],
  [
    gauge('jwt_exchange.key_set.serves_for', 's', 'Time for which the key set is still used if its endpoint fails.'),
    ({ servesFor }) => [[inSeconds(servesFor)]],
  ],
  [gauge('jwt_exchange.key_set.keys', '{key}', 'Usable keys.'), ({ keys }) => [[keys.length]]],
  [
    gauge('jwt_exchange.key_set.consecutive_failures', '{fetch}', 'Fetches that failed since the last success.'),
    ({ consecutiveFailures }) => [[consecutiveFailures]],
  ],
  [
    counter('jwt_exchange.key_set.unknown_kids', '{token}', 'Tokens whose key is not in the key set.'),
    ({ unknownKids }) => [[unknownKids]],
  ],
  [
    counter('jwt_exchange.key_set.bad_signatures', '{token}', 'Tokens whose signature matches no key of the key set.'),
    ({ badSignatures }) => [[badSignatures]],
  ],
  [
    gauge('jwt_exchange.key_set.budget', '{fetch}', 'Fetches that are allowed now.'),
    ({ budget }) => [
      [budget?.unknownKids, { purpose: 'unknown_kids' }],
      [budget?.badSignatures, { purpose: 'bad_signatures' }],
    ],
  ],
  [gauge('jwt_exchange.key_set.waiting', '{request}', 'Requests that wait for a fetch.'), ({ waiting }) => [[waiting]]],
  [
    gauge('jwt_exchange.certificate.expiry.timestamp', 's', 'When the first certificate expires, since the epoch.'),
    (stats) => [[earliestExpiry(stats)]],
  ],
  [
    counter('jwt_exchange.introspection.questions', '{question}', 'Questions about tokens that an issuer was asked.'),
    ({ introspection }) => [[introspection?.questions]],
  ],
  [
    counter('jwt_exchange.introspection.failures', '{question}', 'Questions about tokens that failed.'),
    ({ introspection }) => [[introspection?.failedQuestions]],
  ],
  [
    counter('jwt_exchange.introspection.cache_hits', '{request}', 'Requests for whose token an answer was known.'),
    ({ introspection }) => [[introspection?.fromCache]],
  ],
  [
    gauge('jwt_exchange.introspection.running', '{question}', 'Questions about tokens that are under way.'),
    ({ introspection }) => [[introspection?.running]],
  ],
]

const OF_ALL: readonly [Metric, ReadAll][] = [
  [
    gauge(
      'jwt_exchange.identity_providers',
      '{identity_provider}',
      'Enabled identity providers, by state of the key set.',
    ),
    ({ identityProviders }) => {
      const enabled = identityProviders.filter((each) => each.enabled)
      return STATES.map((state) => [enabled.filter((each) => each.state === state).length, { state }])
    },
  ],
  [
    gauge('jwt_exchange.config.revision', '', 'The revision of the options in force.'),
    ({ config }) => [[config?.revision]],
  ],
  [
    gauge('jwt_exchange.config.change.timestamp', 's', 'When these options came into force, since the epoch.'),
    ({ config }) => [[config?.since]],
  ],
  [
    gauge(
      'jwt_exchange.config.refusal.timestamp',
      's',
      'When new options were refused last, since the epoch; none after a change.',
    ),
    ({ config }) => [[config?.lastRefusal?.at]],
  ],
  [
    counter('jwt_exchange.lookups', '{lookup}', 'Lookups of identity providers.'),
    ({ identityProviderLookup }) => [[identityProviderLookup?.lookups]],
  ],
  [
    counter('jwt_exchange.lookup.failures', '{lookup}', 'Lookups of identity providers that failed.'),
    ({ identityProviderLookup }) => [[identityProviderLookup?.failedLookups]],
  ],
  [
    gauge('jwt_exchange.lookup.running', '{lookup}', 'Lookups of identity providers that are running.'),
    ({ identityProviderLookup }) => [[identityProviderLookup?.running]],
  ],
  [
    gauge('jwt_exchange.lookup.names', '{name}', 'Names that were looked up and are remembered.'),
    ({ identityProviderLookup: lookup }) => [
      [lookup?.loaded, { result: 'loaded' }],
      [lookup?.unknown, { result: 'unknown' }],
    ],
  ],
  [
    gauge(
      'jwt_exchange.revocation.state',
      '',
      '1 for what this process knows of revocations now, 0 for the other states.',
    ),
    ({ revocation }) =>
      revocation ? REVOCATION_STATES.map((state) => [state === revocation.state ? 1 : 0, { state }]) : [],
  ],
  [
    gauge('jwt_exchange.revocation.age', 's', 'Time since the last successful read of the revocation store began.'),
    ({ revocation }) => [[inSeconds(revocation?.ageMs)]],
  ],
  [
    gauge('jwt_exchange.revocation.entries', '{revocation}', 'Revocations that this process knows.'),
    ({ revocation }) => [[revocation?.entries]],
  ],
  [
    counter('jwt_exchange.revocation.reads', '{read}', 'Reads of the revocation store.'),
    ({ revocation }) => [[revocation?.reads]],
  ],
  [
    counter('jwt_exchange.revocation.read.failures', '{read}', 'Reads of the revocation store that failed.'),
    ({ revocation }) => [[revocation?.failedReads]],
  ],
]

/** @param labelOf undefined for an identity provider without a label of its own */
export function measureStats(
  stats: ObservedStats,
  labelOf: (id: string) => string | undefined,
): Map<Metric, Measurement[]> {
  const labelled = stats.identityProviders.flatMap((each) => {
    const label = labelOf(each.id)
    return label === undefined ? [] : [{ each, own: { identity_provider: label } }]
  })
  const enabled = labelled.filter(({ each }) => each.enabled)
  const ofEach = (read: ReadOne) =>
    enabled.flatMap(({ each, own }) =>
      known(read(each)).map(({ labels, value }) => ({ labels: { ...labels, ...own }, value })),
    )
  return new Map<Metric, Measurement[]>([
    ...OF_ALL.map(([metric, read]): [Metric, Measurement[]] => [metric, known(read(stats))]),
    [ENABLED, labelled.map(({ each, own }) => ({ labels: own, value: each.enabled ? 1 : 0 }))],
    ...OF_EACH.map(([metric, read]): [Metric, Measurement[]] => [metric, ofEach(read)]),
  ])
}

/** Every metric that `measureStats` gives. */
export const STATS_METRICS: readonly Metric[] = [
  ...OF_ALL.map(([metric]) => metric),
  ENABLED,
  ...OF_EACH.map(([metric]) => metric),
]

function known(values: ReturnType<ReadAll>): Measurement[] {
  return values.flatMap(([value, labels = {}]) =>
    value !== undefined && Number.isFinite(value) ? [{ labels, value }] : [],
  )
}

function inSeconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1000
}

/** Infinite if there is no certificate. */
function earliestExpiry({ keys, certificates = [] }: IdentityProviderStats): number {
  const ends = [...keys.map((key) => key.certificateExpiresAt), ...certificates.map(({ expiresAt }) => expiresAt)]
  return Math.min(...ends.filter((end) => end !== undefined))
}
