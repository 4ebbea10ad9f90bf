import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

/** What is checked: a `ReplayStore`. */
export interface CheckedReplayStore {
  claim(key: string, expiresAt: number): boolean | Promise<boolean>
}

/** One promise of the contract. */
export interface ReplayStoreCase {
  /** What the store does, in the present tense. */
  name: string
  /** Takes up to 3 seconds. Rejects with an `AssertionError` where the store does something else. */
  run(): Promise<void>
}

type MakeReplayStore = () => CheckedReplayStore | Promise<CheckedReplayStore>

/** Claims of one key at the same time. */
const CLAIMS = 200
const DAY = 86_400
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * What every replay store must do, for any test runner:
 * `for (const { name, run } of replayStoreContract(makeStore)) test(name, run)`.
 *
 * The keys are random, so the store need not be empty. Nothing is closed, and what was claimed stays.
 *
 * @param makeStore makes a store as another process would have it: with a connection of its own, on the same data
 */
export function replayStoreContract(makeStore: MakeReplayStore): ReplayStoreCase[] {
  const cases: [string, (makeStore: MakeReplayStore) => Promise<void>][] = [
    ['tells the first claim of a key true, and every later one false', checkLaterClaims],
    ['tells the claim of another process false at once', checkOtherProcess],
    [`lets one of ${CLAIMS} claims at the same time win, in four processes`, checkRace],
    ['lets one of many claims at the same time win where an expired one is in the way', checkRaceForExpired],
    ['keeps keys apart that differ in one character, or in upper and lower case only', checkSimilarKeys],
    ['takes every character of base64url first and last', checkCharacters],
    ['remembers a claim until it expires', checkExpiry],
    ['remembers a claim as long as the first one said, whatever the refused ones say', checkRefusedClaims],
    ['takes a claim for a day, and for thirty', checkLongClaims],
    ['lets a key be claimed again that expired long ago', checkExpired],
  ]
  return cases.map(([name, check]) => ({ name, run: () => check(makeStore) }))
}

async function checkLaterClaims(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const [key, otherKey] = [randomKey(), randomKey()]
  await expectClaims(store, key, [true, false, false])
  await expectClaims(store, otherKey, [true, false])
  await expectClaims(store, key, [false])
}

async function checkOtherProcess(makeStore: MakeReplayStore): Promise<void> {
  const [here, there] = [await makeStore(), await makeStore()]
  for (let round = 0; round < 20; round += 1) {
    const key = randomKey()
    await expectClaims(here, key, [true])
    await expectClaims(there, key, [false])
  }
}

async function checkRace(makeStore: MakeReplayStore): Promise<void> {
  const stores = await makeStores(makeStore, 4)
  for (let round = 0; round < 5; round += 1) await expectOneWinner(stores, randomKey())
}

async function checkRaceForExpired(makeStore: MakeReplayStore): Promise<void> {
  const stores = await makeStores(makeStore, 4)
  for (let round = 0; round < 5; round += 1) {
    const key = randomKey()
    await stores[0]?.claim(key, now() - DAY)
    await expectOneWinner(stores, key)
  }
}

async function checkSimilarKeys(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const stem = randomKey().slice(0, 40)
  const keys = ['aaa', 'aaA', 'Aaa', 'aab', '-aa', '_aa'].map((end) => stem + end)
  for (const key of keys) await expectClaims(store, key, [true])
  for (const key of keys) await expectClaims(store, key, [false])
}

async function checkCharacters(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  for (const character of BASE64URL) {
    await expectClaims(store, character + randomKey().slice(2) + character, [true, false])
  }
}

async function checkExpiry(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const key = randomKey()
  const expiresAt = now() + 2
  await expectClaims(store, key, [true], expiresAt)
  while (Date.now() / 1000 < expiresAt - 0.2) {
    await expectClaims(store, key, [false], expiresAt)
    await pause(50)
  }
}

async function checkRefusedClaims(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const key = randomKey()
  await expectClaims(store, key, [true], now() + DAY)
  const soon = now() + 1
  await expectClaims(store, key, [false], soon)
  await pause(soon * 1000 + 200 - Date.now())
  await expectClaims(store, key, [false], now() + 1)
}

async function checkLongClaims(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  for (const days of [1, 30]) await expectClaims(store, randomKey(), [true, false], now() + days * DAY)
}

async function checkExpired(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const key = randomKey()
  await store.claim(key, now() - DAY)
  await expectClaims(store, key, [true, false])
}

async function expectClaims(
  store: CheckedReplayStore,
  key: string,
  expected: readonly boolean[],
  expiresAt = now() + 300,
): Promise<void> {
  const answers: boolean[] = []
  for (const _ of expected) answers.push(await store.claim(key, expiresAt))
  assert.deepEqual(answers, expected)
}

async function expectOneWinner(stores: readonly CheckedReplayStore[], key: string): Promise<void> {
  const expiresAt = now() + 300
  const claims = Array.from({ length: CLAIMS }, async (_, index) =>
    stores[index % stores.length]?.claim(key, expiresAt),
  )
  const answers = await Promise.all(claims)
  const [winners, losers] = [true, false].map((wanted) => answers.filter((answer) => answer === wanted).length)
  assert.deepEqual({ winners, losers }, { winners: 1, losers: CLAIMS - 1 })
}

function makeStores(makeStore: MakeReplayStore, count: number): Promise<CheckedReplayStore[]> {
  return Promise.all(Array.from({ length: count }, makeStore))
}

/** As the exchange makes them: 43 characters of base64url. */
function randomKey(): string {
  return randomBytes(32).toString('base64url')
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
