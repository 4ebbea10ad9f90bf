import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type CheckedChange,
  type CheckedIdentityProviderStore,
  type CheckedStoredRegistration,
  expectSame,
  type ProviderStoreBench,
} from './checked-provider-store.js'

/** Milliseconds within which a change is reported. */
const PROMISED = 1000
/** The same, on a busy machine. */
const ALLOWED = 1500

export async function checkReports({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  await withWatch(await open(), async (watch) => {
    const there = await open()
    await watch.begin(there, registration('first'))
    const long = registration('long', { id: `${tag}-`.padEnd(200, '日'), name: `https://${tag}/`.padEnd(1000, '語') })
    for (const wanted of [registration('a'), registration('/é "%2F\\ \u{1F600}'), long, registration('a')]) {
      await watch.expectChange(await there.put(wanted))
      await watch.expectChange(await there.put({ ...wanted, description: 'changed' }))
      await watch.expectChange(await there.put({ ...wanted, enabled: false }))
      const last = await there.put({ ...wanted, name: `https://${tag}.example/other` })
      await watch.expectChange(last)
      await there.remove(wanted.id)
      await watch.expectRemoval(last)
    }
    await watch.expectNothingLater()
  })
}

export async function checkOwnReports({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const [here, there] = [await open(), await open()]
  await withWatch(here, async (watch) => {
    await watch.begin(here, registration('first'))
    await watch.expectChange(await here.put(registration('a')))
    const writes = Array.from({ length: 20 }, (_, index) =>
      [here, there][index % 2]?.put(registration(`${index % 4}`, { description: `${index}` })),
    )
    await Promise.all(writes)
    for (const suffix of ['0', '1', '2', '3']) {
      const last = await there.get(`${tag}-${suffix}`)
      assert.ok(last !== undefined)
      await watch.expectChange(last)
    }
    await watch.expectNothingLater()
  })
}

/** A watch that does not end keeps a connection, and calls a closed exchange. */
export async function checkStop({ open, registration }: ProviderStoreBench): Promise<void> {
  const [here, there] = [await open(), await open()]
  await withWatch(here, async (going) => {
    const stopped = new Watch(here)
    await stopped.begin(there, registration('first'))
    await going.begin(there, registration('second'))
    await stopped.stop()
    const calls = stopped.calls.length
    const stored = await there.put(registration('a'))
    await going.expectChange(stored)
    await here.put(registration('b'))
    await pause(PROMISED)
    assert.equal(stopped.calls.length, calls, 'nothing is reported after the watch has ended')
    await going.expectChange(await there.put(registration('a', { enabled: false })))
  })
}

async function withWatch(store: CheckedIdentityProviderStore, act: (watch: Watch) => Promise<void>): Promise<void> {
  if (store.watch === undefined) return
  const watch = new Watch(store)
  try {
    await act(watch)
  } finally {
    await watch.stop()
  }
}

class Watch {
  readonly calls: (CheckedChange | undefined)[] = []
  readonly #expected = new Map<string, CheckedChange>()
  readonly #stop: () => void | Promise<void>

  constructor(store: CheckedIdentityProviderStore) {
    const stop = store.watch?.((change) => this.calls.push(change))
    assert.equal(typeof stop, 'function', 'watch returns a function')
    this.#stop = stop ?? (() => {})
  }

  async stop(): Promise<void> {
    await this.#stop()
  }

  /** The first change is reported at once, by itself or as one of many that may have happened. */
  async begin(store: CheckedIdentityProviderStore, registration: CheckedStoredRegistration | object): Promise<void> {
    const stored = await store.put(registration as CheckedStoredRegistration)
    await this.#expect('the first change', (change) => change === undefined || isChange(change, changeOf(stored)))
    await store.remove(stored.id)
    await this.#expect('the first removal', (change) => change?.id === stored.id && change.revision === undefined)
  }

  async expectChange(stored: CheckedStoredRegistration): Promise<void> {
    await this.#expectOne(changeOf(stored))
  }

  async expectRemoval({ id, name }: CheckedStoredRegistration): Promise<void> {
    await this.#expectOne({ id, name, revision: undefined, enabled: false })
  }

  /** An old state that is reported after a newer one would undo it. */
  async expectNothingLater(): Promise<void> {
    await pause(PROMISED)
    for (const [id, expected] of this.#expected) {
      const last = this.calls.findLast((change) => change?.id === id)
      expectSame(last, expected, 'the last report is the last change')
    }
  }

  async #expectOne(expected: CheckedChange): Promise<void> {
    this.#expected.set(expected.id, expected)
    await this.#expect(JSON.stringify(expected), (change) => isChange(change, expected))
  }

  async #expect(what: string, isWanted: (change: CheckedChange | undefined) => boolean): Promise<void> {
    const end = performance.now() + ALLOWED
    while (!this.calls.some(isWanted)) {
      const reports = JSON.stringify(this.calls.slice(-5))
      assert.ok(performance.now() < end, `${what} is reported within a second; the last reports are ${reports}`)
      await pause(5)
    }
  }
}

function changeOf({ id, name, revision, enabled }: CheckedStoredRegistration): CheckedChange {
  return { id, name, revision, enabled: enabled !== false }
}

function isChange(change: CheckedChange | undefined, wanted: CheckedChange): boolean {
  return (
    change !== undefined &&
    change.id === wanted.id &&
    change.name === wanted.name &&
    change.revision === wanted.revision &&
    change.enabled === wanted.enabled
  )
}
