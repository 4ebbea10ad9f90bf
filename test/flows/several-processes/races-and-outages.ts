import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { FakeIdentityProvider } from '../../../src/testing/index.js'
import {
  APP_CLIENT,
  APP_TOKEN_ENDPOINT,
  type AppConfig,
  type AppProcess,
  startAppOn,
  writeAppConfig,
} from '../../support/app-process.js'
import { ExchangeLoad, type LoadReport, postAssertion, timeUntilAccepted } from '../../support/exchange-load.js'
import { DATABASE_URL } from '../../support/services.js'
import type { SharedStore } from '../../support/shared-store.js'

const RACES = 40
/** Milliseconds. */
const OUTAGE = 1000
const MAX_RECOVERY = 5000
/** What the example app prints: where it is, how to sign in, and its decisions. */
const LINE = /^(Listening on http|Admin page, once: http|20[\d-]+T[\d:.]+Z (token\.issued|token\.rejected) [^\s=]+=)/
/** Of each, before an outage and after it. */
const ENOUGH_ANSWERS = 20

/** What several processes with one store must do, whichever store that is. */
export function describeSeveralProcesses(startStore: () => Promise<SharedStore>, outages: readonly string[]): void {
  let store: SharedStore
  let idp: FakeIdentityProvider
  let config: AppConfig
  const processes: AppProcess[] = []
  /** Changes when a process is replaced. */
  const urls: string[] = []

  const start = async (at: number) => {
    const started = await startAppOn(config)
    processes[at] = started
    urls[at] = started.url
  }

  beforeAll(async () => {
    store = await startStore()
    idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    config = writeAppConfig(idp, store.toml)
    await Promise.all([0, 1, 2, 3].map(start))
  }, 60_000)
  afterAll(async () => {
    for (const each of processes) await each.end()
    config.remove()
    await idp.close()
    await store.close()
  })

  it.each([2, 4])(
    `%i processes accept an assertion that is raced over them once, ${RACES} times`,
    async (count) => {
      const raced = urls.slice(0, count)
      for (let race = 0; race < RACES; race += 1) {
        const assertion = await idp.issueAssertion()
        const outcomes = await Promise.all([...raced, ...raced].map((url) => postAssertion(url, assertion)))
        expect(outcomes.sort()).toEqual([200, ...Array(2 * count - 1).fill(400)])
      }
    },
    60_000,
  )

  it('a process that is killed under load is replaced, and nothing is accepted twice', async () => {
    const load = new ExchangeLoad(idp, urls)
    for (const at of [0, 2]) {
      await untilAnswered(load)
      await processes[at]?.end('SIGKILL')
      await start(at)
    }
    await untilAnswered(load)
    const report = await load.stop()
    tellCounts('kill -9 of two processes', report)
    const { 'no answer': _, ...answered } = report.counts
    expectSafe({ ...report, counts: answered })
  }, 60_000)

  it.each(outages)(
    '%s under load: 200, 400 or 503, nothing twice, and back within five seconds',
    async (name) => {
      const outage = store.outages.find((each) => each.name === name)
      const load = new ExchangeLoad(idp, urls)
      await untilAnswered(load)
      await outage?.begin()
      await pause(OUTAGE)
      await outage?.end()
      const recovery = await timeUntilAccepted(idp, urls)
      await untilAnswered(load)
      const report = await load.stop()
      tellCounts(`${name}, back after ${Math.round(recovery)} ms`, report)
      expectSafe(report)
      expect(recovery).toBeLessThan(MAX_RECOVERY)
      expect(processes.map(({ child }) => child.exitCode ?? child.signalCode)).toEqual([null, null, null, null])
    },
    60_000,
  )

  it('no process has printed a stack or a password', () => {
    const { password } = new URL(DATABASE_URL)
    for (const { output } of processes) {
      const lines = output().trimEnd().split('\n')
      expect(lines.length).toBeGreaterThan(1)
      expect(lines.filter((line) => !LINE.test(line))).toEqual([])
      for (const secret of [APP_CLIENT.clientSecret, `:${password}@`]) expect(output()).not.toContain(secret)
    }
  })
}

/** Until more assertions were accepted and refused. */
async function untilAnswered(load: ExchangeLoad): Promise<void> {
  const { counts: before } = load.report
  const more = (status: number) => (load.report.counts[status] ?? 0) - (before[status] ?? 0)
  while (more(200) < ENOUGH_ANSWERS || more(400) < ENOUGH_ANSWERS) await pause(10)
}

function expectSafe({ counts, acceptedTwice }: LoadReport): void {
  expect(acceptedTwice).toBe(0)
  expect(Object.keys(counts).filter((outcome) => !['200', '400', '503'].includes(outcome))).toEqual([])
  expect(counts[200]).toBeGreaterThan(ENOUGH_ANSWERS)
  expect(counts[400]).toBeGreaterThan(ENOUGH_ANSWERS)
}

/** Past Jest's console, which would print where it was called. */
function tellCounts(story: string, { counts, assertions, acceptedTwice }: LoadReport): void {
  const told = Object.entries(counts).map(([outcome, count]) => `${outcome}: ${count}`)
  process.stderr.write(`  ${story}: ${assertions} assertions, ${told.join(', ')}, accepted twice: ${acceptedTwice}\n`)
}
