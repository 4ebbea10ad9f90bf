import assert from 'node:assert/strict'
import {
  type CheckedIdentityProviderStore,
  expectIds,
  expectSame,
  inOrder,
  type ProviderStoreBench,
} from './checked-provider-store.js'

const PAGE = 7
const DEFAULT_LIMIT = 100

export async function checkFind({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const name = `https://Login.${tag}.example/Tenant/é`
  const others = [
    name.toUpperCase(),
    name.toLowerCase(),
    `${name}/`,
    name.slice(0, -1),
    `${name}e`,
    name.normalize('NFD'),
    name.replace('https', 'http'),
    name.replace('Tenant', 'Tenan_'),
    name.replace('Tenant', '%'),
  ]
  const stored = await store.put(registration('wanted', { name }))
  for (const [index, other] of others.entries()) await store.put(registration(`other-${index}`, { name: other }))
  expectSame(await store.find(name), [stored])
  for (const [index, other] of others.entries()) await expectIds(store.find(other), [`${tag}-other-${index}`])
  for (const absent of [`${name} `, ` ${name}`, `${name}#`, `${name}\n`, `${tag}-wanted`, '%', '']) {
    await expectIds(store.find(absent), [])
  }
}

export async function checkSeveralOfOneName({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const name = `https://${tag}.example`
  const puts = ['b', 'a', 'c'].map((suffix) => store.put(registration(suffix, { name, enabled: suffix !== 'c' })))
  const stored = await Promise.all(puts)
  expectSame(byId(await store.find(name)), byId(stored), 'find answers all registrations, also those switched off')
  await store.put(registration('b', { name: `${name}/moved` }))
  await expectIds(Promise.resolve(byId(await store.find(name))), [`${tag}-a`, `${tag}-c`])
  await expectIds(store.find(`${name}/moved`), [`${tag}-b`])
}

export async function checkGet({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const stored = await store.put(registration('a'))
  expectSame(await store.get(`${tag}-a`), stored)
  const absent = ['b', 'A', 'a ', ' a', 'a\n', 'a/', 'a.json', '_', '%', ''].map((suffix) => `${tag}-${suffix}`)
  for (const id of [...absent, tag, stored.name, '']) assert.equal(await store.get(id), undefined)
}

export async function checkOrder({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  // U+FF21 comes after both halves of U+1F600, but before the whole character.
  const suffixes = ['10', '2', '-', '_', 'B', 'a', 'b', 'aa', 'ab', 'é', 'z', '~', '\uFF21', '\u{1F600}', 'A', '.']
  await Promise.all(suffixes.map((suffix) => store.put(registration(suffix))))
  const ids = inOrder(suffixes.map((suffix) => `${tag}-${suffix}`))
  await expectIds(store.list({ search: tag }), ids)
  for (const [index, id] of ids.entries()) {
    await expectIds(store.list({ search: tag, after: id }), ids.slice(index + 1))
    await expectIds(store.list({ search: tag, after: id, limit: 2 }), ids.slice(index + 1, index + 3))
  }
  await expectIds(store.list({ search: tag, after: `${tag}-aaa` }), ids.slice(ids.indexOf(`${tag}-aa`) + 1))
  await expectIds(store.list({ search: tag, after: tag, limit: 1 }), ids.slice(0, 1))
}

export async function checkLimit({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const suffixes = Array.from({ length: DEFAULT_LIMIT + 3 }, (_, index) => String(index).padStart(4, '0'))
  const stored = await Promise.all(suffixes.map((suffix) => store.put(registration(suffix))))
  expectSame(await store.list({ search: tag }), stored.slice(0, DEFAULT_LIMIT))
  expectSame(await store.list({ search: tag, limit: 1000 }), stored)
  expectSame(await store.list({ search: tag, limit: 1 }), stored.slice(0, 1))
  expectSame(await store.list({ search: tag, after: `${tag}-${suffixes[DEFAULT_LIMIT]}` }), stored.slice(-2))
  expectSame(await store.list({ search: tag, after: `${tag}-~` }), [])
  const all = await store.list()
  assert.equal(all.length, DEFAULT_LIMIT, 'without options, list answers the first 100')
  await expectIds(Promise.resolve(all), inOrder(all.map(({ id }) => id)))
  // The tag is in all of these ids, so without a search these come one after the other.
  expectSame(await store.list({ after: tag, limit: 5 }), stored.slice(0, 5))
}

export async function checkSearch({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  await store.put(registration('1', { displayName: 'Äpfel & Birnen 100%', name: `https://first.${tag}.example` }))
  await store.put(registration('2-Äpfel', { name: `https://second.${tag}.example` }))
  await store.put(registration('3', { displayName: 'a_b\\c', name: `https://ÄPFEL.${tag}.example` }))
  await store.put(registration('4', { description: 'Äpfel', audiences: ['Äpfel'], displayName: "O'Neil" }))
  const expectFound = async (search: string, suffixes: readonly string[]) => {
    const found = await listOf(store, tag, search)
    assert.deepEqual(
      found,
      suffixes.map((suffix) => `${tag}-${suffix}`),
      `a search for ${JSON.stringify(search)}`,
    )
  }
  for (const search of ['äpfel', 'ÄPFEL', 'Äpfel']) await expectFound(search, ['1', '2-Äpfel', '3'])
  await expectFound(`SECOND.${tag.toUpperCase()}`, ['2-Äpfel'])
  await expectFound(`${tag.toUpperCase()}-3`, ['3'])
  await expectFound('birnen 1', ['1'])
  await expectFound("o'n", ['4'])
  await expectFound('0%', ['1'])
  await expectFound('a_b', ['3'])
  await expectFound('b\\c', ['3'])
  await expectFound('', ['1', '2-Äpfel', '3', '4'])
  // Patterns of SQL, of regular expressions and of files; texts that are in two members together; texts of other members.
  for (const none of ['%', '_', '.*', '*', 'a?b', '[a]', `${tag}-3https`, 'exampleÄpfel', 'service-', 'a_b\\\\c']) {
    const found = (await listOf(store, tag, none)).map((id) => id.slice(tag.length + 1))
    assert.deepEqual(found, literally(none), `a search for ${JSON.stringify(none)}`)
  }
}

export async function checkEnabled({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const states = [undefined, true, false, false, undefined, true]
  for (const [index, enabled] of states.entries()) {
    await store.put(registration(String(index), enabled === undefined ? {} : { enabled }))
  }
  const idsOf = (...suffixes: number[]) => suffixes.map((suffix) => `${tag}-${suffix}`)
  await expectIds(store.list({ search: tag, enabled: true }), idsOf(0, 1, 4, 5))
  await expectIds(store.list({ search: tag, enabled: false }), idsOf(2, 3))
  await expectIds(store.list({ search: tag, enabled: true, limit: 2, after: `${tag}-0` }), idsOf(1, 4))
  await expectIds(store.list({ search: tag, enabled: false, limit: 1, after: `${tag}-2` }), idsOf(3))
  await store.put(registration('3'))
  await expectIds(store.list({ search: tag, enabled: false }), idsOf(2))
}

export async function checkPaging({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const [here, there] = [await open(), await open()]
  const suffixes = Array.from({ length: 40 }, (_, index) => String(index).padStart(2, '0'))
  await Promise.all(suffixes.map((suffix) => here.put(registration(suffix))))
  const added = suffixes.map((suffix) => registration(`${suffix}-added`))
  const seen: string[] = []
  for (;;) {
    const after = seen.at(-1)
    const page = await here.list({ search: tag, limit: PAGE, ...(after === undefined ? {} : { after }) })
    seen.push(...page.map(({ id }) => id))
    if (page.length < PAGE) break
    for (const each of added.splice(0, PAGE)) await there.put(each)
    // Also the last one, from which the next page goes on.
    for (const each of [page.at(0), page.at(-1)]) if (each !== undefined) await there.remove(each.id)
  }
  assert.deepEqual(seen, inOrder([...new Set(seen)]), 'no registration comes twice, and all come in order')
  const missed = suffixes.map((suffix) => `${tag}-${suffix}`).filter((id) => !seen.includes(id))
  assert.deepEqual(missed, [], 'no registration is left out')
}

async function listOf(store: CheckedIdentityProviderStore, tag: string, search: string): Promise<string[]> {
  const found = await store.list({ search, after: `${tag}-`, limit: 1000 })
  return found.map(({ id }) => id).filter((id) => id.startsWith(tag))
}

/** Which of the registrations of the search have these characters themselves. */
function literally(search: string): string[] {
  if (search === '%') return ['1']
  return search === '_' ? ['3'] : []
}

function byId<Each extends { id: string }>(registrations: readonly Each[]): Each[] {
  return [...registrations].sort((left, right) => (left.id < right.id ? -1 : 1))
}
