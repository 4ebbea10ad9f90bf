import { isDependencyUnavailable, isTokenRejected } from '../../src/errors/rejections.js'
import { ExchangeEventEmitter } from '../../src/events/exchange-events.js'
import { DIRECT_CONNECTION } from '../../src/guarded-fetch/connection-options.js'
import { fetchMetadata } from '../../src/jwks/fetch-metadata.js'
import { JwksClient } from '../../src/jwks/jwks-client.js'
import { CertificateWarnings } from '../../src/verification-keys/certificate-warnings.js'
import { DEFAULT_SETTINGS } from '../support/jwks-settings.js'
import { SeededRandom } from './seeded-random.js'
import { FAULTS, SimulatedIdentityProvider, type SimulatedKey } from './simulated-identity-provider.js'
import { VirtualTime } from './virtual-time.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** The defaults of the options. */
export const SETTINGS = DEFAULT_SETTINGS

export type Outcome = 'accepted' | 'unknown_key' | 'bad_signature' | 'unavailable'

/** One assertion, and what was made of it. */
export interface SimulatedRequest {
  identityProvider: SimulatedIdentityProvider
  /** The key that signed it; undefined: none that was ever published. */
  key: SimulatedKey | undefined
  /** Whether no key has this kid, now or later. */
  isMadeUp: boolean
  askedAt: number
  answeredAt: number
  outcome: Outcome
}

export interface SimulatedDay {
  requests: number
  outcomes: Record<Outcome, number>
  fetches: number
  mostFetchesInAnHour: number
  mostPending: number
  violations: string[]
}

export type Judge = (request: SimulatedRequest) => string | undefined

/** 24 hours of many identity providers, with outages, rollovers, floods and slow endpoints by chance. */
export async function simulateDay(seed: number, providerCount: number, judge: Judge): Promise<SimulatedDay> {
  const time = new VirtualTime()
  const random = new SeededRandom(seed)
  const day: SimulatedDay = {
    requests: 0,
    outcomes: { accepted: 0, unknown_key: 0, bad_signature: 0, unavailable: 0 },
    fetches: 0,
    mostFetchesInAnHour: 0,
    mostPending: 0,
    violations: [],
  }
  const closing = new AbortController()
  const worlds = Array.from({ length: providerCount }, (_, index) => {
    const identityProvider = new SimulatedIdentityProvider(`idp ${index}`, time, random)
    const world: World = {
      time,
      random,
      identityProvider,
      client: createClient(identityProvider, time, random, closing.signal),
      day,
      judge,
    }
    for (const life of [haveFaults, rollOver, receiveAssertions, receiveStolenKeys, receiveFloods]) void life(world)
    return world
  })
  for (let hour = 1; hour <= 24; hour += 1) {
    await time.runUntil(hour * HOUR)
    day.mostPending = Math.max(day.mostPending, time.pending)
    for (const { identityProvider } of worlds) checkFetches(identityProvider, hour, day)
  }
  closing.abort()
  return day
}

interface World {
  time: VirtualTime
  random: SeededRandom
  identityProvider: SimulatedIdentityProvider
  client: JwksClient
  day: SimulatedDay
  judge: Judge
}

function createClient(
  identityProvider: SimulatedIdentityProvider,
  time: VirtualTime,
  random: SeededRandom,
  closing: AbortSignal,
): JwksClient {
  const url = 'https://idp.example.com/jwks'
  const events = new ExchangeEventEmitter()
  return new JwksClient(
    identityProvider.name,
    { url, connection: DIRECT_CONNECTION, settings: SETTINGS },
    {
      clock: time,
      timers: time,
      random: random.next,
      events,
      certificateWarnings: new CertificateWarnings({ clock: time, events }),
      fetchJwks: identityProvider.fetchJwks,
      fetchMetadata,
      closing,
    },
  )
}

async function haveFaults({ time, random, identityProvider }: World): Promise<never> {
  for (;;) {
    await time.wait(random.exponential(3 * HOUR))
    identityProvider.setFault(random.pick(FAULTS))
    await time.wait(random.exponential(random.next() < 0.1 ? 2 * HOUR : 8 * MINUTE))
    identityProvider.setFault('off')
  }
}

/** Mostly a new key that signs at once or after a while, and the old one withdrawn later; sometimes one under the old kid. */
async function rollOver(world: World): Promise<never> {
  const { time, random, identityProvider } = world
  for (;;) {
    await time.wait(random.exponential(3 * HOUR))
    if (random.next() < 0.3) {
      void present(world, undefined, identityProvider.nextKid) // Somebody is a moment too early.
      await time.wait(random.exponential(5 * SECOND))
    }
    const old = identityProvider.signingKey
    const isUnderTheOldKid = random.next() < 0.1
    const next = identityProvider.publishKey(isUnderTheOldKid ? old.kid : undefined)
    if (random.next() < 0.5 && !isUnderTheOldKid) await time.wait(random.exponential(10 * MINUTE))
    identityProvider.signingKey = next
    if (isUnderTheOldKid) continue
    await time.wait(random.exponential(20 * MINUTE))
    old.withdrawnAt = time.monotonic()
  }
}

async function receiveAssertions(world: World): Promise<never> {
  const mean = world.random.pick([20 * SECOND, 90 * SECOND, 90 * SECOND, 20 * MINUTE])
  for (;;) {
    await world.time.wait(world.random.exponential(mean))
    void present(world, world.identityProvider.signingKey)
  }
}

/** Somebody signs with keys that were withdrawn. */
async function receiveStolenKeys(world: World): Promise<never> {
  for (;;) {
    await world.time.wait(world.random.exponential(15 * MINUTE))
    const stolen = world.identityProvider.keys.findLast(({ withdrawnAt }) => withdrawnAt !== undefined)
    if (stolen !== undefined) void present(world, stolen)
  }
}

/** Somebody makes kids up, three a second. */
async function receiveFloods(world: World): Promise<never> {
  for (;;) {
    await world.time.wait(world.random.exponential(8 * HOUR))
    const end = world.time.monotonic() + world.random.exponential(5 * MINUTE)
    while (world.time.monotonic() < end) {
      await world.time.wait(world.random.exponential(SECOND / 3))
      void present(world, undefined)
    }
  }
}

async function present(world: World, key: SimulatedKey | undefined, kid?: string): Promise<void> {
  const { time, client, identityProvider, day, judge } = world
  const askedAt = time.monotonic()
  day.requests += 1
  const outcome = await outcomeOf(client, kid ?? key?.kid ?? `made up ${day.requests}`, key)
  const isMadeUp = key === undefined && kid === undefined
  const request = { identityProvider, key, isMadeUp, askedAt, answeredAt: time.monotonic(), outcome }
  day.outcomes[outcome] += 1
  const violation = judge(request)
  if (violation !== undefined) day.violations.push(`${violation}: ${describe(request)}`)
}

/** As the signature is verified: with the keys that are found, and then with newer ones. */
async function outcomeOf(client: JwksClient, kid: string, key: SimulatedKey | undefined): Promise<Outcome> {
  const header = { alg: 'ES256', kid }
  try {
    const keys = await client.requireKeys(header)
    if (keys.some((each) => key?.publicKey.equals(each))) return 'accepted'
    const newer = await client.findNewerKeys(header, keys)
    return newer.some((each) => key?.publicKey.equals(each)) ? 'accepted' : 'bad_signature'
  } catch (error) {
    if (isTokenRejected(error)) return 'unknown_key'
    if (isDependencyUnavailable(error)) return 'unavailable'
    throw error
  }
}

function describe({ identityProvider, key, askedAt, outcome }: SimulatedRequest): string {
  const { name, fault, faultChangedAt } = identityProvider
  const since = (then: number | undefined) =>
    then === undefined ? 'never' : `${Math.round((askedAt - then) / SECOND)} s ago`
  const ofKey =
    key === undefined ? 'made up' : `published ${since(key.publishedAt)}, withdrawn ${since(key.withdrawnAt)}`
  return `${outcome} at ${name} after ${Math.round(askedAt / SECOND)} s: key ${ofKey}; fault ${fault} since ${since(faultChangedAt)}`
}

/** Asked at most once for each back-off, and in each hour no more than renewals, budgets and back-off allow together. */
function checkFetches({ name, fetches, maxAge }: SimulatedIdentityProvider, hour: number, day: SimulatedDay): void {
  const [from, to] = [(hour - 1) * HOUR, hour * HOUR]
  const inHour = fetches.filter(({ startedAt }) => startedAt >= from && startedAt < to)
  day.fetches += inHour.length
  day.mostFetchesInAnHour = Math.max(day.mostFetchesInAnHour, inHour.length)
  const lifetime = Math.min(HOUR, Math.max(30 * SECOND, maxAge ?? 5 * MINUTE))
  const renewals = Math.ceil(HOUR / (0.72 * lifetime)) + 1
  const ofOneBudget = SETTINGS.refreshBudget + HOUR / SETTINGS.cooldownDuration
  const failed = inHour.filter(({ succeeded }) => !succeeded).length
  if (inHour.length - failed > renewals + 2 * ofOneBudget) {
    day.violations.push(`${name} was asked ${inHour.length} times in hour ${hour}, ${failed} times in vain`)
  }
  checkBackOff(name, fetches, from, day)
}

function checkBackOff(
  name: string,
  fetches: readonly { startedAt: number; endedAt: number; succeeded: boolean; retryAfter: number }[],
  from: number,
  day: SimulatedDay,
): void {
  let failures = 0
  for (const [index, fetch] of fetches.entries()) {
    const next = fetches[index + 1]
    failures = fetch.succeeded ? 0 : failures + 1
    if (next === undefined || fetch.succeeded || next.startedAt < from) continue
    const shortest = Math.max(fetch.retryAfter, 0.5 * Math.min(MINUTE, SECOND * 2 ** (failures - 1)))
    const pause = next.startedAt - fetch.endedAt
    const isRetry = fetch.endedAt - fetch.startedAt < SECOND && pause === 100
    if (isRetry) failures -= 1
    else if (pause < shortest - 0.001) day.violations.push(`${name} was asked ${pause} ms after failure ${failures}`)
  }
}
