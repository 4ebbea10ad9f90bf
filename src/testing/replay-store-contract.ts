import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

/** The store that is checked: a `ReplayStore`. */
export interface CheckedReplayStore {
  markUsed(key: string, expiresAt: number, identityProvider?: string): boolean | Promise<boolean>
  readonly isShared?: boolean
  fillLevel?(identityProvider?: string): number
}

/** One promise of the contract. */
export interface ReplayStoreCase {
  /** What the store does, in the present tense. */
  name: string
  /** Takes up to 3 seconds. Rejects with an `AssertionError` if the store behaves otherwise, or with the store's own error. */
  run(): Promise<void>
}

type MakeReplayStore = () => CheckedReplayStore | Promise<CheckedReplayStore>

const RACE_ROUNDS = 3
const CALLS_PER_RACE = 200
const MANY_KEYS = 500
/** Milliseconds that a store may take to remove expired entries. */
const REMOVAL_TIME = 100
const DAY = 86_400
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/**
 * What every replay store must do, for any test runner:
 * `for (const { name, run } of replayStoreContract(makeStore)) test(name, run)`.
 *
 * The keys are random, so the store need not be empty. No store is closed, and the used keys remain in it.
 *
 * @example
 * for (const { name, run } of replayStoreContract(() => new MemoryReplayStore())) test(name, run)
 *
 * @param makeStore makes a store as another process would: with its own connection to the same data
 */
export function replayStoreContract(makeStore: MakeReplayStore): ReplayStoreCase[] {
  const cases: [string, (makeStore: MakeReplayStore) => Promise<void>][] = [
    ['answers true to the first call with a key, and false to every later one', checkLaterCalls],
    ['answers false at once for a key of another process', checkOtherProcess],
    [`lets one of ${CALLS_PER_RACE} calls at the same time win, in four processes`, checkRace],
    ['lets one of many calls at the same time win where an expired one is in the way', checkRaceForExpired],
    ['keeps keys apart that differ in one character, or in upper and lower case only', checkSimilarKeys],
    ['takes every character of base64url first and last', checkCharacters],
    [`remembers ${MANY_KEYS} keys`, checkManyKeys],
    ['remembers a key until it expires', checkExpiry],
    ['does not forget a key because of calls that it refuses', checkRefusedCalls],
    ['takes a key for a day, and for thirty', checkLongKeys],
    ['lets a key be marked used again that expired long ago', checkExpired],
    ['has an isShared and a fillLevel that are true, if it has them', checkSharingAndFillLevel],
  ]
  return cases.map(([name, check]) => ({ name, run: () => check(makeStore) }))
}

async function checkLaterCalls(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const [key, otherKey] = [randomKey(), randomKey()]
  await expectAnswers(store, key, [true, false, false])
  await expectAnswers(store, otherKey, [true, false])
  await expectAnswers(store, key, [false])
  assert.equal(await store.markUsed(key, now() + 300, 'https://idp.example.com'), false)
}

async function checkOtherProcess(makeStore: MakeReplayStore): Promise<void> {
  const [here, there] = [await makeStore(), await makeStore()]
  for (let round = 0; round < 20; round += 1) {
    const key = randomKey()
    await expectAnswers(here, key, [true])
    await expectAnswers(there, key, [false])
  }
}

async function checkRace(makeStore: MakeReplayStore): Promise<void> {
  const stores = await makeStores(makeStore, 4)
  for (let round = 0; round < RACE_ROUNDS; round += 1) await expectOneWinner(stores, randomKey())
}

async function checkRaceForExpired(makeStore: MakeReplayStore): Promise<void> {
  const stores = await makeStores(makeStore, 4)
  for (let round = 0; round < RACE_ROUNDS; round += 1) {
    const key = randomKey()
    await stores[0]?.markUsed(key, now() - DAY)
    await pause(REMOVAL_TIME)
    await expectOneWinner(stores, key)
  }
}

async function checkSimilarKeys(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const key = randomKey()
  const others = [...key].map((character, at) => key.slice(0, at) + otherThan(character) + key.slice(at + 1))
  const spelt = ['-', '_'].flatMap((mark) => [mark + key.slice(1), key.slice(0, -1) + mark])
  const keys = new Set([key, swapCase(key), ...others, ...spelt])
  for (const each of keys) await expectAnswers(store, each, [true])
  for (const each of keys) await expectAnswers(store, each, [false])
}

async function checkCharacters(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  for (const character of BASE64URL) {
    await expectAnswers(store, character + randomKey().slice(2) + character, [true, false])
  }
}

async function checkManyKeys(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const keys = Array.from({ length: MANY_KEYS }, randomKey)
  for (const expected of [true, false]) {
    const answers = await Promise.all(keys.map((key) => store.markUsed(key, now() + 300)))
    assert.deepEqual(new Set(answers), new Set([expected]))
  }
}

async function checkExpiry(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const key = randomKey()
  const expiresAt = Math.ceil(Date.now() / 1000 + 1.5)
  await expectAnswers(store, key, [true], expiresAt)
  for (;;) {
    const answer = await store.markUsed(key, expiresAt)
    if (Date.now() / 1000 > expiresAt - 0.2) return // From here on both answers are right.
    assert.equal(answer, false)
    await pause(50)
  }
}

async function checkRefusedCalls(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const key = randomKey()
  await expectAnswers(store, key, [true], now() + DAY)
  const soon = now() + 1
  await expectAnswers(store, key, [false], soon)
  await pause(soon * 1000 + 200 - Date.now())
  await expectAnswers(store, key, [false], now() + 1)
}

async function checkLongKeys(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const entries = [1, 30].map((days) => ({ key: randomKey(), expiresAt: now() + days * DAY }))
  for (const { key, expiresAt } of entries) await expectAnswers(store, key, [true], expiresAt)
  await pause(REMOVAL_TIME)
  for (const { key, expiresAt } of entries) await expectAnswers(store, key, [false], expiresAt)
}

async function checkExpired(makeStore: MakeReplayStore): Promise<void> {
  const store = await makeStore()
  const key = randomKey()
  await store.markUsed(key, now() - DAY)
  await pause(REMOVAL_TIME)
  await expectAnswers(store, key, [true])
  await pause(REMOVAL_TIME)
  await expectAnswers(store, key, [false])
}

async function checkSharingAndFillLevel(makeStore: MakeReplayStore): Promise<void> {
  const [here, there] = [await makeStore(), await makeStore()]
  const { isShared } = here
  assert.ok(isShared === undefined || typeof isShared === 'boolean', 'isShared is true, false or absent')
  const key = randomKey()
  const isMarked = (await here.markUsed(key, now() + 300)) === true
  const isKnownThere = isMarked && here !== there && (await there.markUsed(key, now() + 300)) === false
  if (isKnownThere)
    assert.notEqual(isShared, false, 'isShared is not false when another store knows the used assertions')
  for (const name of [undefined, 'https://idp.example.com']) {
    const level: unknown = here.fillLevel?.(name) ?? 0
    assert.ok(typeof level === 'number' && level >= 0 && level <= 1, 'fillLevel is a number from 0 to 1, at once')
  }
}

async function expectAnswers(
  store: CheckedReplayStore,
  key: string,
  expected: readonly boolean[],
  expiresAt = now() + 300,
): Promise<void> {
  const answers: boolean[] = []
  for (const _ of expected) answers.push(await store.markUsed(key, expiresAt))
  assert.deepEqual(answers, expected)
}

async function expectOneWinner(stores: readonly CheckedReplayStore[], key: string): Promise<void> {
  const expiresAt = now() + 300
  const entries = Array.from({ length: CALLS_PER_RACE }, async (_, index) =>
    stores[index % stores.length]?.markUsed(key, expiresAt),
  )
  const answers = await Promise.all(entries)
  const [winners, losers] = [true, false].map((wanted) => answers.filter((answer) => answer === wanted).length)
  assert.deepEqual({ winners, losers }, { winners: 1, losers: CALLS_PER_RACE - 1 })
}

function makeStores(makeStore: MakeReplayStore, count: number): Promise<CheckedReplayStore[]> {
  return Promise.all(Array.from({ length: count }, () => makeStore()))
}

function otherThan(character: string): string {
  return character === 'a' ? 'b' : 'a'
}

function swapCase(text: string): string {
  return [...text].map((each) => (each === each.toLowerCase() ? each.toUpperCase() : each.toLowerCase())).join('')
}

/** Like the keys of the exchange: 43 characters of base64url. */
function randomKey(): string {
  return randomBytes(32).toString('base64url')
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
