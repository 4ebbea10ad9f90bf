import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type CheckedRevocationStore,
  DAY,
  type MakeRevocationStore,
  makeStores,
  now,
  readAll,
  revocation,
} from './checked-revocation-store.js'

export const WRITERS = 4
const ADDITIONS_PER_WRITER = 25
/** Milliseconds within which another process is told. */
const REPORT_TIME = 1000

/** A reader that goes on from number 5 must not miss a number 4 that is committed later. */
export async function checkWriters(makeStore: MakeRevocationStore): Promise<void> {
  const [reader, ...writers] = await makeStores(makeStore, WRITERS + 1)
  if (reader === undefined) return
  const added = new Set<string>()
  const write = async (store: CheckedRevocationStore) => {
    for (let count = 0; count < ADDITIONS_PER_WRITER; count += 1) {
      const each = revocation()
      added.add(each.value)
      await store.add([each])
    }
  }
  let { cursor } = await readAll(reader)
  let isWriting = true
  const writing = Promise.all(writers.map(write)).finally(() => {
    isWriting = false
  })
  const found = new Set<string>()
  for (let isLast = false; !isLast; ) {
    isLast = !isWriting
    const page = await readAll(reader, cursor)
    for (const value of page.values) found.add(value)
    cursor = page.cursor
    await pause(1)
  }
  await writing
  assert.deepEqual(
    [...added].filter((value) => !found.has(value)),
    [],
    'a reader misses nothing',
  )
}

export async function checkExpiry(makeStore: MakeRevocationStore): Promise<void> {
  const store = await makeStore()
  const long = { ...revocation(), expiresAt: now() + 30 * DAY }
  const short = { ...revocation(), expiresAt: Math.ceil(Date.now() / 1000 + 1.5) }
  await store.add([{ ...revocation(), expiresAt: now() - 5 }, short, { ...revocation(), expiresAt: now() - DAY }, long])
  for (;;) {
    await store.add([{ ...revocation(), expiresAt: now() - 1 }])
    const { values } = await readAll(await makeStore())
    assert.ok(values.has(long.value), 'a revocation is kept for thirty days')
    if (Date.now() / 1000 > short.expiresAt - 0.3) return // From here on both answers are right.
    assert.ok(values.has(short.value), 'a revocation is kept until it expires')
    await pause(100)
  }
}

export async function checkWatch(makeStore: MakeRevocationStore): Promise<void> {
  const [here, there] = [await makeStore(), await makeStore()]
  if (there.watch === undefined) return
  let reports = 0
  const stop = there.watch(() => {
    reports += 1
  })
  assert.equal(typeof stop, 'function', 'watch returns a function')
  try {
    // A watch may take a moment to begin: what was added before is read in any case.
    for (let attempt = 0; attempt < 5 && reports === 0; attempt += 1) {
      await here.add([revocation()])
      const until = Date.now() + REPORT_TIME
      while (reports === 0 && Date.now() < until) await pause(5)
    }
    assert.ok(reports > 0, 'watch reports what another process has added')
  } finally {
    stop()
  }
  await pause(50)
  const before = reports
  await here.add([revocation()])
  await pause(100)
  assert.equal(reports, before, 'a watch that has ended reports nothing')
}

export async function checkSharing(makeStore: MakeRevocationStore): Promise<void> {
  const [here, there] = [await makeStore(), await makeStore()]
  const { isShared } = here
  assert.ok(isShared === undefined || typeof isShared === 'boolean', 'isShared is true, false or absent')
  const added = revocation()
  await here.add([added])
  const isKnownThere = here !== there && (await readAll(there)).values.has(added.value)
  if (isKnownThere) assert.notEqual(isShared, false, 'isShared is not false when another store knows the revocations')
  if (here !== there && !isKnownThere)
    assert.notEqual(isShared, true, 'isShared is not true when another store does not know them')
}
