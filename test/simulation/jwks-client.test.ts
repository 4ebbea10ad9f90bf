import { describe, expect, it } from '@jest/globals'
import { SETTINGS, type SimulatedDay, type SimulatedRequest, simulateDay } from './simulated-day.js'

/** 200 by `npm run simulate`. */
const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 2)
const FIRST_SEED = Number(process.env.SIMULATION_FIRST_SEED ?? 1)
const PROVIDERS = 50

const MAX_BACK_OFF = 60_000
const MAX_FETCH_MS = SETTINGS.connectionTimeout + SETTINGS.readTimeout
const MAX_WAIT = 5000

/** A line for each of many days; the heap must not grow from one to the next. */
function report(seed: number, day: SimulatedDay): void {
  const heapMiB = Math.round(process.memoryUsage().heapUsed / 2 ** 20)
  process.stdout.write(`${JSON.stringify({ seed, ...day, heapMiB })}\n`)
}

/** What must be so of each request, whatever happens. The first that is not, in words. */
function judge(request: SimulatedRequest): string | undefined {
  const { key, isMadeUp, outcome, askedAt, answeredAt } = request
  if (answeredAt - askedAt > MAX_WAIT) return 'a request waited too long'
  if (isMadeUp && outcome === 'bad_signature') return 'a key was found for a made-up kid'
  if (key === undefined) return undefined
  return key.withdrawnAt === undefined ? judgePublished(request) : judgeWithdrawn(request)
}

function judgePublished({ identityProvider, key, outcome, askedAt, answeredAt }: SimulatedRequest): string | undefined {
  if (key === undefined || outcome === 'accepted') return undefined
  const publishedFor = askedAt - key.publishedAt
  // Under a kid that is known, a key that has changed cannot be told from a forgery while the endpoint does not answer.
  if (outcome === 'unknown_key' && publishedFor > SETTINGS.cooldownDuration) {
    return 'a key that is published for longer than one cooldown was refused'
  }
  const { snapshot, fetches } = identityProvider
  const isAtHand = snapshot?.kids.get(key.kid)?.equals(key.publicKey) === true && snapshot.at <= askedAt
  if (isAtHand && answeredAt < snapshot.at + snapshot.lifetime + SETTINGS.cacheMaxAgeFallback) {
    return 'a key was at hand and not used'
  }
  const askedToWaitUntil = Math.max(0, ...fetches.slice(-20).map(({ endedAt, retryAfter }) => endedAt + retryAfter))
  const isHealthy = identityProvider.fault === 'off'
  const healthySince = Math.max(
    identityProvider.faultChangedAt,
    Number.isFinite(askedToWaitUntil) ? askedToWaitUntil : 0,
  )
  if (isHealthy && askedAt > healthySince + MAX_BACK_OFF && publishedFor > SETTINGS.cooldownDuration) {
    return 'the endpoint was up for longer than any back-off and a key was not found'
  }
  return undefined
}

function judgeWithdrawn({ identityProvider, key, outcome, askedAt }: SimulatedRequest): string | undefined {
  if (key?.withdrawnAt === undefined || outcome !== 'accepted' || askedAt < key.withdrawnAt) return undefined
  const { snapshot } = identityProvider
  if (snapshot !== undefined && snapshot.fetchStartedAt > key.withdrawnAt && snapshot.at <= askedAt) {
    return 'a key was accepted though a fetch since then did not have it'
  }
  const lifetime = snapshot?.lifetime ?? SETTINGS.cacheMaxAge
  if (askedAt > key.withdrawnAt + lifetime + SETTINGS.cacheMaxAgeFallback + MAX_FETCH_MS) {
    return 'a key was accepted for longer after its withdrawal than old keys serve'
  }
  const wasUpSince =
    identityProvider.fault === 'off' && identityProvider.faultChangedAt < key.withdrawnAt - MAX_BACK_OFF
  const retriesUntil = Math.max(
    0,
    ...identityProvider.fetches.slice(-5).map(({ endedAt, retryAfter }) => endedAt + retryAfter),
  )
  if (wasUpSince && retriesUntil <= askedAt && askedAt > key.withdrawnAt + lifetime + MAX_FETCH_MS) {
    return 'a key was accepted for longer after its withdrawal than a key set is fresh, while the endpoint was up'
  }
  return undefined
}

describe(`24 hours of ${PROVIDERS} identity providers with outages, rollovers, floods and slow endpoints`, () => {
  it.each(Array.from({ length: SEEDS }, (_, index) => FIRST_SEED + index))(
    'keep every promise, with chance %i',
    async (seed) => {
      const day = await simulateDay(seed, PROVIDERS, judge)
      if (SEEDS > 2) report(seed, day)
      expect(day.violations.slice(0, 10)).toEqual([])
      // The day was one of all kinds: otherwise the promises would be kept by nothing happening.
      for (const count of Object.values(day.outcomes)) expect(count).toBeGreaterThan(10)
      expect(day.outcomes.accepted).toBeGreaterThan(20_000)
      // A few planned events for each identity provider and for each request that waits.
      expect(day.mostPending).toBeLessThan(40 * PROVIDERS)
    },
    120_000,
  )
})
