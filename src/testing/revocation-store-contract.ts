import assert from 'node:assert/strict'
import {
  type CheckedRevocation,
  cursorOf,
  findAll,
  type MakeRevocationStore,
  now,
  randomText,
  readAll,
  revocation,
} from './checked-revocation-store.js'
import { checkExpiry, checkSharing, checkWatch, checkWriters, WRITERS } from './revocation-store-processes.js'

/** One promise of the contract. */
export interface RevocationStoreCase {
  /** What the store does, in the present tense. */
  name: string
  /** Takes up to 5 seconds. Rejects with an `AssertionError` if the store behaves otherwise, or with the store's own error. */
  run(): Promise<void>
}

const MANY = 1200

/**
 * What every revocation store must do, for any test runner:
 * `for (const { name, run } of revocationStoreContract(makeStore)) test(name, run)`.
 *
 * The values are random, so the store need not be empty. No store is closed, and the revocations remain in it. A store without
 * `watch` need not report anything.
 *
 * @example
 * const store = new MemoryRevocationStore()
 * for (const { name, run } of revocationStoreContract(() => store)) test(name, run)
 *
 * @param makeStore makes a store as another process would: with its own connection to the same data
 */
export function revocationStoreContract(makeStore: MakeRevocationStore): RevocationStoreCase[] {
  const cases: [string, (makeStore: MakeRevocationStore) => Promise<void>][] = [
    ['returns each kind of revocation as it was added', checkKinds],
    ['returns to each process at once what another one has added', checkOtherProcess],
    ['returns after a cursor what was added since', checkCursor],
    [`misses nothing while ${WRITERS} processes write`, checkWriters],
    ['returns the same to a process that begins later', checkLateReader],
    ['keeps values apart that look alike, and long ones', checkValues],
    ['takes the same revocation again', checkRepeated],
    [`returns ${MANY} revocations, and then says that nothing follows`, checkMany],
    ['keeps a revocation until it expires, in spite of others that have expired', checkExpiry],
    ['is not changed by a change to an object that it took or returned', checkCopies],
    ['reports what another process adds within a second, and nothing after the watch has ended', checkWatch],
    ['has an isShared that is true, if it has one', checkSharing],
  ]
  return cases.map(([name, check]) => ({ name, run: () => check(makeStore) }))
}

async function checkKinds(makeStore: MakeRevocationStore): Promise<void> {
  const store = await makeStore()
  const added: CheckedRevocation[] = [
    revocation(),
    ...(['subject', 'client', 'identity_provider'] as const).map((kind) => ({
      ...{ kind, value: randomText(), issuedBefore: now(), expiresAt: now() + 86_400 },
    })),
  ]
  await store.add(added)
  for (const each of added) {
    const found = (await findAll(store, each.value)).map((one) => ({ ...one })) // A clone may be of another realm.
    assert.deepEqual(found, [each])
  }
}

async function checkOtherProcess(makeStore: MakeRevocationStore): Promise<void> {
  const [here, there] = [await makeStore(), await makeStore()]
  let cursor = await cursorOf(there)
  for (let round = 0; round < 10; round += 1) {
    const added = revocation()
    await here.add([added])
    const page = await readAll(there, cursor)
    assert.ok(page.values.has(added.value), 'read returns what add has added')
    cursor = page.cursor
  }
}

async function checkCursor(makeStore: MakeRevocationStore): Promise<void> {
  const store = await makeStore()
  const before = revocation()
  await store.add([before])
  const cursor = await cursorOf(store)
  const after = [revocation(), revocation()]
  await store.add(after)
  const since = await readAll(store, cursor)
  for (const { value } of after) assert.ok(since.values.has(value), 'read returns what was added after the cursor')
  if (since.cursor === undefined) return // Such a store returns everything each time.
  const isLeftOut: boolean[] = []
  for (let last: string | undefined = since.cursor; isLeftOut.length < 3; ) {
    const page = await readAll(store, last)
    isLeftOut.push(!page.values.has(before.value))
    last = page.cursor
  }
  // A store may begin again if it has removed what the cursor was about.
  assert.ok(isLeftOut.includes(true), 'read leaves out what was added before the cursor')
}

async function checkLateReader(makeStore: MakeRevocationStore): Promise<void> {
  const early = await makeStore()
  const added = [revocation(), revocation(), revocation()]
  for (const each of added) await early.add([each])
  const late = await readAll(await makeStore())
  for (const { value } of added) assert.ok(late.values.has(value), 'a new process reads what was added before')
}

async function checkValues(makeStore: MakeRevocationStore): Promise<void> {
  const store = await makeStore()
  const text = randomText()
  const values = [
    ...[text, text.toUpperCase(), text.toLowerCase(), ` ${text}`, `${text} `, `${text}é`, `${text}e\u0301`],
    ...[
      `${text}%`,
      `${text}'`,
      `${text}"`,
      `${text}\\`,
      `${text}|ü€😀`,
      text + 'x'.repeat(1000),
      text + 'x'.repeat(999),
    ],
  ]
  const expiresAt = now() + 300
  await store.add([...new Set(values)].map((value) => ({ kind: 'subject', value, issuedBefore: now(), expiresAt })))
  const { values: found } = await readAll(store)
  for (const value of values) assert.ok(found.has(value), `keeps ${JSON.stringify(value.slice(0, 60))}`)
}

async function checkRepeated(makeStore: MakeRevocationStore): Promise<void> {
  const [here, there] = [await makeStore(), await makeStore()]
  const added = revocation()
  await here.add([added])
  await there.add([added, added])
  await Promise.all([here, there, here].map((store) => store.add([added])))
  const found = await findAll(there, added.value)
  assert.ok(found.length > 0, 'a revocation that is added again is kept')
}

async function checkMany(makeStore: MakeRevocationStore): Promise<void> {
  const store = await makeStore()
  const added = Array.from({ length: MANY }, revocation)
  for (let from = 0; from < MANY; from += 400) await store.add(added.slice(from, from + 400))
  const { values } = await readAll(await makeStore())
  assert.deepEqual(
    added.filter(({ value }) => !values.has(value)),
    [],
    'read returns all of many',
  )
}

async function checkCopies(makeStore: MakeRevocationStore): Promise<void> {
  const store = await makeStore()
  const added = revocation()
  const { value } = added
  await store.add([added])
  added.value = 'changed'
  const [found] = await findAll(store, value)
  assert.ok(found !== undefined, 'the store has a copy of what it took')
  found.expiresAt = 0
  assert.ok((await findAll(store, value))[0]?.expiresAt !== 0, 'the store returns copies')
}
