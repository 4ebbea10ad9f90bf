import assert from 'node:assert/strict'
import {
  type CheckedStoredRegistration,
  expectConflict,
  expectEverywhere,
  expectIds,
  expectSame,
  type ProviderStoreBench,
  withoutRevision,
} from './checked-provider-store.js'

/** Seconds by which the clock of a database may differ from ours. */
const CLOCK_DIFFERENCE = 300

export async function checkPut({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const revisions = new Set<string>()
  let updatedAt = Date.now() / 1000 - CLOCK_DIFFERENCE
  // The last two are the same: that is a change, too.
  for (const description of ['one', 'two', 'one', 'one']) {
    const wanted = registration('a', { description })
    const stored = await store.put(wanted)
    expectSame(withoutRevision(stored), wanted)
    assert.ok(typeof stored.revision === 'string' && stored.revision !== '', 'a revision is a text')
    assert.ok(typeof stored.updatedAt === 'number' && stored.updatedAt >= updatedAt, 'updatedAt is in order')
    revisions.add(stored.revision)
    updatedAt = stored.updatedAt
    await expectEverywhere(store, stored)
  }
  assert.equal(revisions.size, 4, 'each put makes another revision')
  assert.ok(updatedAt <= Date.now() / 1000 + CLOCK_DIFFERENCE, 'updatedAt is in seconds since the epoch')
  await store.put(registration('a', { name: `https://${tag}.example/other` }))
  await expectIds(store.find(registration('a').name), [])
}

export async function checkGivenRevision({ open, registration }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const first = await store.put(registration('a', { revision: 'mine', updatedAt: 1 }))
  assert.notEqual(first.revision, 'mine', 'a given revision is ignored')
  assert.ok(first.updatedAt > Date.now() / 1000 - CLOCK_DIFFERENCE, 'a given time is ignored')
  const second = await store.put({ ...first, description: 'changed' } as CheckedStoredRegistration)
  assert.notEqual(second.revision, first.revision)
  expectSame(withoutRevision(second), registration('a', { description: 'changed' }))
  await expectEverywhere(store, second)
}

export async function checkPutConditions({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const id = `${tag}-a`
  for (const ifRevision of ['', '1', 'null', 'undefined']) {
    await expectConflict(store.put(registration('a'), { ifRevision }), undefined)
  }
  assert.equal(await store.get(id), undefined, 'a refused put writes nothing')
  const first = await store.put(registration('a'), { ifRevision: null })
  const [name, changed] = [`https://${tag}.example/other`, registration('a', { description: 'changed' })]
  for (const ifRevision of [null, '', `${first.revision}0`, first.revision.slice(0, -1)]) {
    await expectConflict(store.put({ ...changed, name }, { ifRevision }), first.revision)
  }
  await expectEverywhere(store, first)
  const second = await store.put(changed, { ifRevision: first.revision })
  for (const ifRevision of [null, first.revision]) {
    await expectConflict(store.put({ ...changed, name }, { ifRevision }), second.revision)
  }
  await expectEverywhere(store, second)
  const third = await store.put(registration('a'), {})
  await expectConflict(store.put(changed, { ifRevision: first.revision }), third.revision)
  await expectIds(store.find(name), [])
  await store.remove(id)
  await expectConflict(store.put(changed, { ifRevision: third.revision }), undefined)
  // Somebody else has removed it and added it again: that is another registration.
  const again = await store.put(registration('a'), { ifRevision: null })
  for (const { revision: ifRevision } of [first, second, third]) {
    await expectConflict(store.put(changed, { ifRevision }), again.revision)
  }
}

export async function checkRemove({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const { id, name } = await store.put(registration('a'))
  const other = await store.put(registration('b', { name }))
  assert.equal((await store.find(name)).length, 2)
  for (const absent of [`${tag}-c`, `${tag}-A`, `${tag}-%`, `${id} `, tag, name, '']) {
    assert.equal(await store.remove(absent), false)
  }
  assert.equal(await store.remove(id), true)
  assert.equal(await store.get(id), undefined)
  expectSame(await store.find(name), [other])
  expectSame(await store.list({ search: tag }), [other])
  assert.equal(await store.remove(id), false)
  assert.equal(await store.remove(other.id), true)
  const again = await store.put(registration('a'))
  await expectEverywhere(store, again)
}

export async function checkRemoveConditions({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const id = `${tag}-a`
  await expectConflict(store.remove(id, { ifRevision: '1' }), undefined)
  assert.equal(await store.remove(id, { ifRevision: null }), false)
  const first = await store.put(registration('a'))
  for (const ifRevision of [null, '', `${first.revision}0`]) {
    await expectConflict(store.remove(id, { ifRevision }), first.revision)
  }
  await expectEverywhere(store, first)
  const second = await store.put(registration('a', { enabled: false }))
  await expectConflict(store.remove(id, { ifRevision: first.revision }), second.revision)
  await expectEverywhere(store, second)
  assert.equal(await store.remove(id, { ifRevision: second.revision }), true)
  assert.equal(await store.get(id), undefined)
  await expectConflict(store.remove(id, { ifRevision: second.revision }), undefined)
  await store.put(registration('a'))
  assert.equal(await store.remove(id, {}), true)
}
