import assert from 'node:assert/strict'
import {
  type CheckedIdentityProviderStore,
  type CheckedStoredRegistration,
  checkConflict,
  expectEverywhere,
  expectIds,
  expectSame,
  isConflict,
  type ProviderStoreBench,
} from './checked-provider-store.js'

const WRITERS = 50
const PROCESSES = 4
const UPDATES_OF_EACH = 3

export async function checkOneWinner({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const stores = await openMany(open)
  const write = (ifRevision: string | null) =>
    raceOf(stores, (store, writer) => store.put(registration('a', { description: `${writer}` }), { ifRevision }))
  let revision: string | null = null
  for (let round = 0; round < 3; round += 1) {
    const { winners, losers } = await write(revision)
    const [winner] = winners
    assert.ok(
      winner !== undefined && winners.length === 1,
      `${winners.length} of ${WRITERS} writers win instead of one`,
    )
    for (const loser of losers) checkConflict(loser, winner.revision)
    for (const store of stores) await expectEverywhere(store, winner)
    revision = winner.revision
  }
  const last: string | null = revision
  const { winners, losers } = await raceOf(stores, (store) => store.remove(`${tag}-a`, { ifRevision: last }))
  assert.deepEqual(winners, [true], 'one of many removals with the same revision removes')
  for (const loser of losers) checkConflict(loser, undefined)
}

export async function checkLostUpdates({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const stores = await openMany(open)
  const id = `${tag}-a`
  await stores[0]?.put(registration('a', { scopes: [] }))
  const add = async (store: CheckedIdentityProviderStore, scope: string) => {
    for (;;) {
      const { revision: ifRevision, ...before } = await requireRegistration(store, id)
      try {
        return await store.put(registration('a', { scopes: [...scopesOf(before), scope] }), { ifRevision })
      } catch (error) {
        if (!isConflict(error)) throw error
      }
    }
  }
  const writers = stores.flatMap((store, process) => [0, 1].map((writer) => ({ store, name: `${process}-${writer}` })))
  const updates = writers.map(async ({ store, name }) => {
    for (let update = 0; update < UPDATES_OF_EACH; update += 1) await add(store, `${name}:${update}`)
  })
  await Promise.all(updates)
  const expected = writers.flatMap(({ name }) => Array.from({ length: UPDATES_OF_EACH }, (_, at) => `${name}:${at}`))
  for (const store of stores) {
    assert.deepEqual([...scopesOf(await requireRegistration(store, id))].sort(), expected.sort())
  }
}

export async function checkManyWriters({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const stores = await openMany(open)
  const suffixes = Array.from({ length: WRITERS }, (_, writer) => String(writer).padStart(2, '0'))
  const puts = suffixes.map((suffix, writer) => stores[writer % PROCESSES]?.put(registration(suffix)))
  const stored = await Promise.all(puts)
  for (const store of stores) expectSame(await store.list({ search: tag }), stored)
}

export async function checkOtherProcess({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const [here, there] = [await open(), await open()]
  for (let round = 0; round < 5; round += 1) {
    await expectEverywhere(there, await here.put(registration('a')))
    const changed = await there.put(registration('a', { enabled: false }))
    await expectEverywhere(here, changed)
    const moved = await here.put(registration('a', { name: `https://${tag}.example/${round}` }))
    await expectEverywhere(there, moved)
    await expectIds(there.find(changed.name), [])
    await there.remove(`${tag}-a`, { ifRevision: moved.revision })
    assert.equal(await here.get(`${tag}-a`), undefined)
    await expectIds(here.find(moved.name), [])
    await expectIds(here.list({ search: tag }), [])
  }
}

function openMany(open: ProviderStoreBench['open']): Promise<CheckedIdentityProviderStore[]> {
  return Promise.all(Array.from({ length: PROCESSES }, () => open()))
}

async function raceOf<Result>(
  stores: readonly CheckedIdentityProviderStore[],
  write: (store: CheckedIdentityProviderStore, writer: number) => Promise<Result>,
): Promise<{ winners: Result[]; losers: unknown[] }> {
  const writes = Array.from({ length: WRITERS }, async (_, writer) => {
    const store = stores[writer % stores.length]
    assert.ok(store !== undefined)
    return await write(store, writer)
  })
  const outcomes = await Promise.allSettled(writes)
  const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  const losers = outcomes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : []))
  return { winners, losers }
}

async function requireRegistration(
  store: CheckedIdentityProviderStore,
  id: string,
): Promise<CheckedStoredRegistration> {
  const stored = await store.get(id)
  assert.ok(stored !== undefined, 'the registration is there')
  return stored
}

function scopesOf(registration: object): readonly string[] {
  return 'scopes' in registration && Array.isArray(registration.scopes) ? registration.scopes : []
}
