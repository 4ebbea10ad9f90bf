import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from '@jest/globals'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import {
  APP_TOKEN_ENDPOINT,
  type AppConfig,
  type AppProcess,
  startAppOn,
  WITH_MEMORY,
  writeAppConfig,
} from '../support/app-process.js'
import { ExchangeLoad, timeUntilAccepted } from '../support/exchange-load.js'
import { describeWithPostgres, describeWithRedisServer } from '../support/services.js'
import { createSharedDatabase } from '../support/shared-database.js'
import { startSharedRedis } from '../support/shared-redis.js'
import type { SharedStore } from '../support/shared-store.js'

/** For each store. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 150)
/** Seconds. */
const REPORT_EVERY = 30
const OUTAGE_EVERY = 15
const ASSERTION_LIFETIME = 10
/** Milliseconds. */
const MAX_RECOVERY = 2000
/** Short, so that claims expire and keys roll over many times; a claim is live for 10 + 61 seconds. */
const SETTINGS = '[assertion]\nclock_tolerance = 0\n[oauth.jwks_endpoint]\ncooldown_duration = 1000'
/** Expired claims that may be there yet: what comes between two sweeps of each process, and a backlog after an outage. */
const LEFT_TO_SWEEP = 1000
/** Bytes that the heap of a process may grow from the first report after the claims began to expire. */
const NOISE = 6 * 2 ** 20

/** Exchanges, replays, rollovers and outages of the store for minutes: nothing twice, nothing grows. */
function soak(name: string, startStore: () => Promise<SharedStore>): void {
  it(
    `${name}: ${SECONDS} seconds`,
    async () => {
      const store = await startStore()
      const idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
      const config = writeAppConfig(idp, store.toml, SETTINGS)
      const processes = await startProcesses(config, 2)
      const urls = processes.map(({ url }) => url)
      const load = new ExchangeLoad(idp, urls, { lifetime: ASSERTION_LIFETIME })
      const heaps: number[][] = []
      const recoveries: number[] = []
      try {
        for (let second = 1; second <= SECONDS; second += 1) {
          await pause(1000)
          if (second % OUTAGE_EVERY === 0) recoveries.push(await sufferOutage(store, second / OUTAGE_EVERY, idp, urls))
          if (second % OUTAGE_EVERY === 7) await idp.rotate()
          if (second % REPORT_EVERY === 1 && second > 1)
            heaps.push(await report(name, second, { load, processes, store }))
        }
        const { counts, acceptedTwice } = await load.stop()
        tell(`${name}: recoveries after ${recoveries.map((time) => Math.round(time)).join(', ')} ms`)
        expect(acceptedTwice).toBe(0)
        expect(Object.keys(counts).filter((outcome) => !['200', '400', '503'].includes(outcome))).toEqual([])
        expect(Math.max(...recoveries)).toBeLessThan(MAX_RECOVERY)
        expectFlat(heaps)
        const { live, all } = await store.claims()
        expect(all - live).toBeLessThan(LEFT_TO_SWEEP)
      } finally {
        await load.stop()
        for (const each of processes) await each.end()
        config.remove()
        await idp.close()
        await store.close()
      }
    },
    (SECONDS + 120) * 1000,
  )
}

async function startProcesses(config: AppConfig, count: number): Promise<AppProcess[]> {
  const processes: AppProcess[] = []
  for (let started = 0; started < count; started += 1) processes.push(await startAppOn(config, WITH_MEMORY))
  return processes
}

/** One outage after the other. Resolves with the milliseconds until all is well. */
async function sufferOutage(
  { outages }: SharedStore,
  turn: number,
  idp: FakeIdentityProvider,
  urls: readonly string[],
): Promise<number> {
  const outage = outages[turn % outages.length]
  await outage?.begin()
  await pause(1000)
  await outage?.end()
  return await timeUntilAccepted(idp, urls)
}

interface Soaked {
  load: ExchangeLoad
  processes: readonly AppProcess[]
  store: SharedStore
}

/** Prints how it stands, and returns the heaps in bytes. */
async function report(name: string, second: number, { load, processes, store }: Soaked): Promise<number[]> {
  const { counts, assertions, acceptedTwice } = load.report
  const outcomes = Object.entries(counts).map(([outcome, count]) => `${outcome}: ${count}`)
  const { live, all } = await store.claims()
  const memory = await Promise.all(processes.map((each) => each.memory()))
  const sizes = memory.map(({ rss, heapUsed }) => `RSS ${mebibytes(rss)}, heap ${mebibytes(heapUsed)} MiB`)
  tell(
    `${name}, ${second} s: ${assertions} assertions, ${outcomes.join(', ')}, twice: ${acceptedTwice}; ${sizes.join('; ')}; claims: ${live} live, ${all} in all`,
  )
  return memory.map(({ heapUsed }) => heapUsed)
}

/** From the third report on, when claims expire as fast as others come. */
function expectFlat(heaps: readonly number[][]): void {
  const [first, last] = [heaps[2], heaps.at(-1)]
  for (const [at, heap] of (last ?? []).entries()) expect(heap - (first?.[at] ?? heap)).toBeLessThan(NOISE)
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

/** Past Jest's console, which would print where it was called. */
function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

describeWithRedisServer('the soak with Redis', () => soak('Redis', startSharedRedis))
describeWithPostgres('the soak with PostgreSQL', () => soak('PostgreSQL', createSharedDatabase))
