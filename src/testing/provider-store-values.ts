import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  type CheckedRegistration,
  expectEverywhere,
  expectIds,
  expectSame,
  inOrder,
  makeRegistration,
  type ProviderStoreBench,
  rejectionOf,
  withoutRevision,
} from './checked-provider-store.js'
import {
  LONG_IDS,
  MAX_ID_LENGTH,
  MAX_NAME_LENGTH,
  MEMBER_NAMES,
  NUMBERS,
  ODD_IDS,
  REFUSED_TEXTS,
  TEXTS,
} from './odd-texts.js'

export async function checkOddIds({ open, registration, tag, removeAtEnd }: ProviderStoreBench): Promise<void> {
  const [here, there] = [await open(), await open()]
  const ids = [...new Set([...ODD_IDS, ...LONG_IDS, ...ODD_IDS.map((id) => `${tag}-${id}`)])]
  removeAtEnd(ids)
  for (const id of ids) await here.remove(id)
  const make = (id: string) => registration('', { id, name: `https://${tag}.example/${ids.indexOf(id)}` })
  const stored = await Promise.all(ids.map((id) => here.put(make(id))))
  for (const each of stored) {
    expectSame(await there.get(each.id), each)
    expectSame(await there.find(each.name), [each])
  }
  await expectIds(there.list({ search: tag, limit: 1000 }), inOrder(ids))
  for (const each of ids.filter((_, index) => index % 2 === 0)) assert.equal(await there.remove(each), true)
  await expectIds(here.list({ search: tag, limit: 1000 }), inOrder(ids.filter((_, index) => index % 2 === 1)))
  for (const each of ids.filter((_, index) => index % 2 === 0)) assert.equal(await here.get(each), undefined)
}

export async function checkOddNames({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const [here, there] = [await open(), await open()]
  // Texts that no index can make shorter.
  const long = Array.from(randomBytes(MAX_NAME_LENGTH), (byte) => String.fromCodePoint(0x4e00 + byte * 64)).join('')
  const start = `https://${tag}.example/`
  const fill = (last: string) => `${start}${long.slice(0, MAX_NAME_LENGTH - start.length - 1)}${last}`
  const names = [...ODD_IDS.map((id) => `${start}${id}`), fill('x'), fill('X'), fill('y'), fill('x').slice(0, -1)]
  const stored = await Promise.all(names.map((name, index) => here.put(registration(String(index), { name }))))
  for (const each of stored) expectSame(await there.find(each.name), [each])
}

export async function checkValues({ open, registration }: ProviderStoreBench): Promise<void> {
  const [here, there] = [await open(), await open()]
  const named = Object.fromEntries(MEMBER_NAMES.map((name, index) => [name, `value ${index}`]))
  const members = {
    displayName: 'Łódź „Ä“ 日本 \u{1F600}',
    description: TEXTS.join('|'),
    keysRefreshedAt: 1_700_000_000,
    enabled: false,
    headers: named,
    scopes: [],
    jwks: { keys: [{ kty: 'RSA', n: 'x'.repeat(100_000), x5c: TEXTS }, {}, { nested: [[], [[]], [{}], {}] }] },
    requiredClaims: {
      ...named,
      'https://idp.example/claims': { numbers: NUMBERS, texts: TEXTS, empty: {}, none: null },
    },
    bindings: [
      { name: 'a', when: { list: [1, 'two', true, null, [3], { four: 4 }] }, scopes: ['a'] },
      { name: 'b', when: deep(20), lifetime: 60 },
    ],
  }
  for (const suffix of ['a', 'A']) {
    const wanted = registration(suffix, members)
    const stored = await here.put(wanted)
    expectSame(withoutRevision(stored), wanted)
    await expectEverywhere(there, stored)
  }
}

/** JSON has them, but not each database has, and an assignment to `__proto__` loses it. */
export async function checkExactOrRefused({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const odd: readonly object[] = [
    { headers: JSON.parse('{ "__proto__": "a" }') },
    JSON.parse('{ "__proto__": { "enabled": false } }'),
    { requiredClaims: JSON.parse('{ "a": { "__proto__": { "b": "c" } } }') },
    { description: 'a\u0000b' },
    { headers: { 'a\u0000': 'b' } },
    { description: 'a\uD800b' },
    { bindings: deep(200) },
    { lifetime: -0 },
  ]
  for (const [index, members] of odd.entries()) {
    const wanted = Object.defineProperties(registration(String(index)), Object.getOwnPropertyDescriptors(members))
    const stored = await store.put(wanted).catch(() => undefined)
    if (stored === undefined) assert.equal(await store.get(`${tag}-${index}`), undefined)
    else expectSame(withoutRevision(await store.get(`${tag}-${index}`)), wanted)
  }
}

export async function checkRefusedValues({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const values = [
    () => 'a',
    undefined,
    Symbol('a'),
    new Date(),
    Number.NaN,
    Infinity,
    1n,
    new Map([['a', 'b']]),
    circle,
  ]
  const before = await store.put(registration('a'))
  for (const value of values) {
    for (const members of [{ subject: value }, { requiredClaims: { a: value } }, { bindings: [{ when: [value] }] }]) {
      await rejectionOf(store.put(registration('a', members)))
      await rejectionOf(store.put(registration('b', members)))
    }
  }
  await expectEverywhere(store, before)
  assert.equal(await store.get(`${tag}-b`), undefined)
}

export async function checkRefusedNames({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const [longId, longName] = [`${tag}-`.padEnd(MAX_ID_LENGTH + 1, 'x'), `${tag}-`.padEnd(MAX_NAME_LENGTH + 1, 'x')]
  for (const id of [...REFUSED_TEXTS, longId]) {
    await rejectionOf(store.put({ ...makeRegistration('any'), name: `https://${tag}.example`, id }))
    assert.equal(await store.get(id), undefined)
    assert.equal(await store.remove(id), false)
  }
  for (const name of [...REFUSED_TEXTS, longName]) {
    await rejectionOf(store.put(registration('a', { name })))
    await expectIds(store.find(name), [])
  }
  for (const wrong of [undefined, null, 1, {}, ['a']]) {
    await rejectionOf(store.put(registration('a', { id: wrong })))
    await rejectionOf(store.put(registration('a', { name: wrong })))
  }
  await expectIds(store.list({ search: tag }), [])
}

/** A registration decides who is trusted, so nobody may change it but by `put`. */
export async function checkCopies({ open, registration, tag }: ProviderStoreBench): Promise<void> {
  const store = await open()
  const wanted = registration('a', { requiredClaims: { group: ['admin'] } })
  const stored = await store.put(wanted)
  const before = structuredClone(stored)
  tryToChange(wanted)
  await expectEverywhere(store, before)
  const read = [stored, await store.get(`${tag}-a`), ...(await store.find(before.name))]
  const listed = await store.list({ search: tag })
  for (const each of [...read, ...listed]) tryToChange(each)
  await expectEverywhere(store, before)
  await expectEverywhere(await open(), before)
}

function tryToChange(registration: CheckedRegistration | undefined): void {
  const { requiredClaims } = registration as { requiredClaims?: { group: string[] } }
  for (const change of [
    () => requiredClaims?.group.push('guest'),
    () => Object.assign(requiredClaims ?? {}, { group: 'any' }),
    () => Object.assign(registration ?? {}, { enabled: false, displayName: 'changed', revision: 'changed' }),
  ]) {
    try {
      change()
    } catch {
      // It is frozen.
    }
  }
}

function deep(levels: number): object {
  return levels === 0 ? {} : { next: deep(levels - 1) }
}
