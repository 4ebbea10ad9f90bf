import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, jest } from '@jest/globals'
import type {
  IdentityProviderRegistration,
  ListOptions,
  RegistrationChange,
  StoredRegistration,
  WriteOptions,
} from '../../src/identity-provider-store/identity-provider-store.js'
import { isRevisionConflict, RevisionConflict } from '../../src/identity-provider-store/identity-provider-store.js'
import { changeOf } from '../../src/identity-provider-store/storable-registration.js'
import { type CheckedIdentityProviderStore, identityProviderStoreContract } from '../../src/testing/index.js'
import { MemoryIdentityProviderStore, SharedRegistrations } from '../support/memory-identity-provider-store.js'

jest.setTimeout(60_000)

const FIND = 'finds the registration of a name, compared exactly'
const SEVERAL = 'finds several registrations of one name, also those that are switched off'
const GET = 'gets a registration by its id, and undefined for any other'
const ORDER = 'lists registrations in the order of their ids, compared by code unit'
const LIMIT = 'lists at most as many as asked for, and 100 by default'
const SEARCH = 'lists those whose id, name or display name contains a text, in upper or lower case'
const ENABLED = 'lists those that are trusted, or those that are switched off'
const PAGING = 'lists page by page without gaps while others are added and removed'
const PUT = 'answers each put with what it has now, with another revision'
const GIVEN = 'ignores a revision and a time that it is given'
const PUT_CONDITIONS = 'puts a registration only if it has the expected revision'
const REMOVE = 'removes a registration once'
const REMOVE_CONDITIONS = 'removes a registration only if it has the expected revision'
const RACE = 'lets one of 50 writers with the same revision win, in four processes'
const LOST_UPDATES = 'loses no update of writers that read and repeat after a conflict'
const MANY_WRITERS = 'takes 50 registrations at the same time'
const OTHER_PROCESS = 'knows each change of another process at once'
const ODD_IDS = 'keeps ids apart that look alike, or like paths, patterns or code'
const ODD_NAMES = 'keeps names apart that look alike, of up to 1000 characters'
const VALUES = 'returns every value as it was'
const EXACT_OR_REFUSED = 'returns what some databases cannot hold as it was, or refuses it'
const REFUSED_VALUES = 'refuses what JSON would drop or change'
const REFUSED_NAMES = 'refuses an id or a name that an access token cannot have, and finds nothing by it'
const COPIES = 'is not changed by a change to an object that it took or returned'
const REPORTS = 'reports each change and removal of another process within a second'
const OWN_REPORTS = 'reports changes of its own process, and of many at once the last'
const STOP = 'reports nothing after a watch has ended, and goes on with others'

const ALL = [
  ...[FIND, SEVERAL, GET, ORDER, LIMIT, SEARCH, ENABLED, PAGING, PUT, GIVEN, PUT_CONDITIONS, REMOVE, REMOVE_CONDITIONS],
  ...[RACE, LOST_UPDATES, MANY_WRITERS, OTHER_PROCESS, ODD_IDS, ODD_NAMES, VALUES, EXACT_OR_REFUSED, REFUSED_VALUES],
  ...[REFUSED_NAMES, COPIES, REPORTS, OWN_REPORTS, STOP],
]

type Registration = IdentityProviderRegistration
type Change = RegistrationChange
type Store = MemoryIdentityProviderStore
type OnChange = (change?: RegistrationChange) => void
/** Functions that replace those of a store. They use a good store with the same data. */
type Fault = (good: Store) => { [Name in keyof Store]?: unknown }

/** Runs the cases one after the other, and returns which fail. */
async function failuresOf(
  makeStore: () => CheckedIdentityProviderStore,
  isWanted = (_: string) => true,
): Promise<Map<string, unknown>> {
  const failures = new Map<string, unknown>()
  const cases = identityProviderStoreContract(makeStore).filter(({ name }) => isWanted(name))
  for (const { name, run } of cases) await run().catch((error: unknown) => failures.set(name, error))
  return failures
}

function storesWith(fault: Fault): () => CheckedIdentityProviderStore {
  const shared = new SharedRegistrations()
  return () => Object.assign(new MemoryIdentityProviderStore(shared), fault(new MemoryIdentityProviderStore(shared)))
}

/** Expects that each of these cases finds the fault. */
async function expectRefused(_: string, fault: Fault, expected: readonly string[]): Promise<void> {
  const failures = await failuresOf(storesWith(fault), (name) => expected.includes(name))
  expect([...failures.keys()].sort()).toEqual([...expected].sort())
}

describe('the contract of identity provider stores', () => {
  it('has a name for each case, and no other', () => {
    expect(identityProviderStoreContract(storesWith(() => ({}))).map(({ name }) => name)).toEqual(ALL)
  })

  it.concurrent('is kept by a store that keeps its promises, and whose data are not empty', async () => {
    const shared = new SharedRegistrations()
    await new MemoryIdentityProviderStore(shared).put({ id: 'b', name: 'https://b.example' })
    expect(await failuresOf(() => new MemoryIdentityProviderStore(shared))).toEqual(new Map())
    expect([...shared.texts.keys()]).toEqual(['b'])
    expect(shared.watchers.size).toBe(0)
  })

  it.concurrent.each<[string, Fault]>([
    ['does not watch', () => ({ watch: undefined })],
    ['takes its time', takeTime],
    ['reports late, and several times', reportLate],
    ['also reports that anything may have changed', reportAnything],
    ['returns frozen objects', (good) => ({ read: (id: string) => deepFreeze(good.read(id)) })],
  ])('is kept by a store that %s', async (_, fault) => {
    expect(await failuresOf(storesWith(fault))).toEqual(new Map())
  })

  it.concurrent('reports the error of the store', async () => {
    const failures = await failuresOf(storesWith(() => ({ put: () => Promise.reject(new Error('no table')) })))
    expect(failures.size).toBeGreaterThan(20)
    expect(failures.get(FIND)).toMatchObject({ message: 'no table' })
  })

  it.concurrent.each<[string, Fault, string[]]>([
    ['finds names in upper or lower case', finding((each, name) => isAlike(lower, each, name)), [FIND, ODD_NAMES]],
    ['finds names that begin alike', finding((each, name) => each.startsWith(name)), [FIND, ODD_NAMES]],
    ['finds names without a slash at the end', finding((each, name) => isAlike(unslashed, each, name)), [FIND]],
    ['trims names', finding((each, name) => isAlike((text) => text.trim(), each, name)), [FIND]],
    ['normalises names', finding((each, name) => isAlike((text) => text.normalize(), each, name)), [FIND, ODD_NAMES]],
    ['takes names for patterns', finding((each, name) => likePattern(name, '').test(each)), [FIND, ODD_NAMES]],
    ['cuts names', finding((each, name) => isAlike((text) => text.slice(0, 999), each, name)), [ODD_NAMES]],
    ['finds ids, too', finding((each, name, { id }) => each === name || id === name), [FIND]],
    ['finds trusted ones only', finding((each, name, { enabled }) => each === name && enabled !== false), [SEVERAL]],
    ['finds one of a name', afterwards('find', (found: unknown[]) => found.slice(0, 1)), [SEVERAL]],
    ['finds nothing by failing', afterwards('find', orFail), [FIND, REFUSED_NAMES]],
    ['finds undefined', afterwards('find', (found: unknown[]) => found[0] && found), [FIND, OTHER_PROCESS]],
    ['finds what has been removed', findRemoved, [OTHER_PROCESS]],
    ['gets names, too', getting(({ id, name }, wanted) => id === wanted || name === wanted), [GET]],
    ['gets ids in upper or lower case', getting(({ id }, wanted) => isAlike(lower, id, wanted)), [GET, ODD_IDS]],
    ['gets null', afterwards('get', (found) => found ?? null), [GET, REMOVE]],
    ['gets nothing by failing', afterwards('get', (found) => orFail(found === undefined ? [] : [found])[0]), [GET]],
  ])('refuses a store that %s', expectRefused)

  it.concurrent.each<[string, Fault, string[]]>([
    ['lists in the order of a language', listing({ compare: (one, other) => one.localeCompare(other) }), [ORDER]],
    ['lists in the order of code points', listing({ compare: byCodePoint }), [ORDER, ODD_IDS]],
    ['lists backwards', listing({ compare: (one, other) => (one > other ? -1 : 1) }), [ORDER, LIMIT]],
    ['lists from the last one on', listing({ isAfter: (id, after) => id >= after }), [ORDER]],
    ['goes on after a known id only', listByPosition, [ORDER, PAGING]],
    ['counts what it has listed', listByCount, [PAGING]],
    ['lists one too many', listing({ bound: (limit) => limit + 1 }), [ORDER, LIMIT, ENABLED]],
    ['lists all', listing({ bound: () => 1e9 }), [ORDER, LIMIT, ENABLED]],
    ['lists 50 by default', listing({ bound: (limit, given) => (given === undefined ? 50 : limit) }), [LIMIT]],
    ['lists 100 at most', listing({ bound: (limit) => Math.min(limit, 100) }), [LIMIT]],
    ['searches within one page', searchWithinPage, [ORDER]],
    ['searches ids only', searching((search, { id }) => includes(id, search)), [SEARCH]],
    ['searches ids and names only', searching((search, { id, name }) => includes(`${id}\0${name}`, search)), [SEARCH]],
    ['searches exactly', searching((search, each) => isInOne(each, (text) => text.includes(search))), [SEARCH]],
    ['searches the start', searching((search, each) => isInOne(each, (text) => text.startsWith(search))), [SEARCH]],
    ['searches everything', searching((search, each) => includes(JSON.stringify(each), search)), [SEARCH]],
    ['searches all as one text', searching((search, each) => includes(textsOf(each).join(''), search)), [SEARCH]],
    [
      'searches for a pattern',
      searching((search, each) => isInOne(each, (text) => likePattern(search, 'i').test(text))),
      [SEARCH],
    ],
    [
      'folds ASCII only',
      searching((search, each) => isInOne(each, (text) => ascii(text).includes(ascii(search)))),
      [SEARCH],
    ],
    ['lists both for each enabled', listing({ isWanted: () => true }), [ENABLED]],
    [
      'takes absent for disabled',
      listing({ isWanted: ({ enabled }, wanted) => wanted === (enabled ?? false) }),
      [ENABLED],
    ],
    [
      'takes enabled: false for both',
      listing({ isWanted: ({ enabled }, wanted) => !wanted || enabled !== false }),
      [ENABLED],
    ],
  ])('refuses a store that %s', expectRefused)

  it.concurrent.each<[string, Fault, string[]]>([
    ['answers a put with what was there', answerWithOld, [PUT, GIVEN]],
    ['answers a put with nothing', afterwards('put', () => undefined), [PUT, GIVEN]],
    ['never changes the revision', () => ({ nextRevision: () => '1' }), [PUT, PUT_CONDITIONS, RACE]],
    ['begins to count again after a removal', countFromOne, [PUT_CONDITIONS]],
    ['counts milliseconds', changingTime((updatedAt) => updatedAt * 1000), [PUT]],
    ['has no time', changingTime(() => undefined), [PUT, GIVEN]],
    ['stores what it is given', storeGiven, [GIVEN]],
    ['merges', merge, [ENABLED]],
    ['takes no notice of ifRevision', () => ({ checkRevision: () => {} }), [PUT_CONDITIONS, REMOVE_CONDITIONS, RACE]],
    ['takes null for no condition', checkingUnless(({ ifRevision }) => ifRevision === null), [PUT_CONDITIONS, RACE]],
    ['takes an empty text for no condition', checkingUnless(({ ifRevision }) => ifRevision === ''), [PUT_CONDITIONS]],
    ['adds what it should replace', checkingUnless((_, before) => before === undefined), [PUT_CONDITIONS]],
    [
      'compares the start of a revision',
      checkingUnless(({ ifRevision }, before) => ifRevision != null && before?.startsWith(ifRevision) === true),
      [PUT_CONDITIONS],
    ],
    [
      'requires a revision',
      (good) => ({
        checkRevision: (id: string, { ifRevision = null }: WriteOptions) => good.checkRevision(id, { ifRevision }),
      }),
      [PUT, REMOVE],
    ],
    ['reports a conflict after it has written', writeFirst, [PUT_CONDITIONS]],
    [
      'reports a conflict as another error',
      conflictingWith(() => new Error('conflict')),
      [PUT_CONDITIONS, REMOVE_CONDITIONS, RACE, LOST_UPDATES],
    ],
    [
      'reports a conflict without a code',
      conflictingWith(({ name, revision }) => Object.assign(new Error(), { name, revision })),
      [PUT_CONDITIONS, LOST_UPDATES],
    ],
    [
      'reports a conflict without a revision',
      conflictingWith(() => new RevisionConflict('a', undefined)),
      [PUT_CONDITIONS, REMOVE_CONDITIONS, RACE],
    ],
    ['returns where it should report a conflict', conflictingWith(() => undefined), [PUT_CONDITIONS, RACE]],
    ['looks before it writes', lookBeforeWriting, [RACE, LOST_UPDATES]],
    ['takes 40 writers only', limitWriters, [RACE, MANY_WRITERS]],
    ['answers true to each removal', afterwards('remove', () => true), [REMOVE, REMOVE_CONDITIONS]],
    ['answers nothing to a removal', afterwards('remove', () => undefined), [REMOVE, REMOVE_CONDITIONS]],
    ['marks what it should remove', markRemoved, [REMOVE]],
    ['remembers what it has read', remember, [OTHER_PROCESS, RACE]],
  ])('refuses a store that %s', expectRefused)

  it.concurrent.each<[string, Fault, string[]]>([
    ['has one key for ids in upper and lower case', keyedBy(lower), [GET, ODD_IDS, VALUES]],
    ['has one key for slashes and underscores', keyedBy((id) => id.replaceAll('/', '_')), [ODD_IDS]],
    ['normalises ids', keyedBy((id) => id.normalize('NFKC')), [ODD_IDS]],
    ['decodes ids', keyedBy((id) => id.replaceAll('%2F', '/')), [ODD_IDS]],
    ['cuts ids', keyedBy((id) => id.slice(0, 199)), [ODD_IDS, REFUSED_NAMES]],
    ['trims ids', keyedBy((id) => id.trim()), [GET, REFUSED_NAMES]],
    ['has an object for a map', keyedBy((id) => (id in {} ? 'other' : id)), [ODD_IDS]],
    ['drops null', changing((value) => value ?? undefined), [VALUES]],
    ['trims texts', changing((value) => (typeof value === 'string' ? value.trim() : value)), [VALUES]],
    [
      'expands variables',
      changing((value) => (typeof value === 'string' ? value.replace('${A:-b}', 'b') : value)),
      [VALUES],
    ],
    ['rounds numbers', changing((value) => (typeof value === 'number' ? Math.fround(value) : value)), [VALUES]],
    [
      'writes names in snake_case',
      changing((value) => renamed(value, (name) => name.replace(/[A-Z]/g, (letter) => `_${lower(letter)}`))),
      [VALUES],
    ],
    [
      'drops __proto__',
      changing((value) => renamed(value, (name) => (name === '__proto__' ? 'proto' : name))),
      [EXACT_OR_REFUSED],
    ],
    [
      'drops NUL',
      changing((value) => (typeof value === 'string' ? value.replaceAll('\u0000', '') : value)),
      [EXACT_OR_REFUSED],
    ],
    [
      'replaces halves of characters',
      changing((value) => (typeof value === 'string' ? value.toWellFormed() : value)),
      [EXACT_OR_REFUSED],
    ],
    [
      'drops what JSON drops',
      (good) => ({
        put: (given: Registration, options?: WriteOptions) => good.put(JSON.parse(JSON.stringify(given)), options),
      }),
      [REFUSED_VALUES],
    ],
    ['stores any id and name', storeAnything, [REFUSED_NAMES]],
    ['keeps the objects that it is given', keepObjects, [COPIES]],
  ])('refuses a store that %s', expectRefused)

  it.concurrent.each<[string, Fault, string[]]>([
    ['never reports', () => ({ watch: () => () => {} }), [REPORTS, OWN_REPORTS, STOP]],
    [
      'reports only that something has changed',
      (good) => ({ watch: (onChange: OnChange) => good.watch(() => onChange()) }),
      [REPORTS, OWN_REPORTS],
    ],
    [
      'reports after two seconds',
      (good) => ({ report: (change: Change) => setTimeout(() => good.report(change), 2000) }),
      [REPORTS],
    ],
    ['reports no removal', reporting((change) => change.revision !== undefined && change), [REPORTS]],
    [
      'reports removals without a name',
      reporting((change) => (change.revision ? change : { ...change, name: '' })),
      [REPORTS],
    ],
    ['reports that all are enabled', reporting((change) => ({ ...change, enabled: true })), [REPORTS]],
    [
      'reports other revisions',
      reporting((change) => ({ ...change, revision: change.revision && 'other' })),
      [REPORTS],
    ],
    ['reports no long ids', reporting((change) => change.id.length < 100 && change), [REPORTS]],
    ['reports additions only', reportAdditions, [REPORTS, OWN_REPORTS]],
    ['reports an old state after a new one', reportOld, [REPORTS, OWN_REPORTS]],
    ['reports its own changes only', (good) => ({ watch: watchOwn(good), report: () => {} }), [REPORTS]],
    ['does not end a watch', endingWatch(() => {}), [STOP]],
    ['ends all watches', endingWatch((good) => good.shared.watchers.clear()), [STOP]],
    [
      'has no function that ends a watch',
      (good) => ({ watch: (onChange: OnChange) => void good.watch(onChange) }),
      [REPORTS, STOP],
    ],
  ])('refuses a store that %s', expectRefused)
})

function lower(text: string): string {
  return text.toLowerCase()
}

function ascii(text: string): string {
  return text.replace(/[A-Z]/g, lower)
}

function unslashed(text: string): string {
  return text.replace(/\/$/, '')
}

function includes(text: string, search: string): boolean {
  return lower(text).includes(lower(search))
}

function textsOf({ id, name, displayName = '' }: StoredRegistration): string[] {
  return [id, name, displayName]
}

function isInOne(each: StoredRegistration, isFound: (text: string) => boolean): boolean {
  return textsOf(each).some(isFound)
}

function isAlike(fold: (text: string) => string, one: string, other: string): boolean {
  return fold(one) === fold(other)
}

function byCodePoint(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

/** A pattern of SQL's LIKE. */
function likePattern(pattern: string, flags: string): RegExp {
  const escaped = pattern.replace(/[.*+?^$(){}|[\]\\]/g, '\\$&')
  return new RegExp(escaped.replaceAll('%', '.*').replaceAll('_', '.'), flags)
}

function orFail(found: readonly unknown[]): readonly unknown[] {
  if (found.length === 0) throw new Error('not found')
  return found
}

/** A function whose good result becomes another one. */
function afterwards<Result>(name: 'find' | 'get' | 'put' | 'remove', change: (result: Result) => unknown): Fault {
  return (good) => ({
    [name]: async (...args: unknown[]) =>
      change(await Reflect.apply<Store, unknown[], Promise<Result>>(good[name] as never, good, args)),
  })
}

function finding(isFound: (each: string, name: string, stored: StoredRegistration) => boolean): Fault {
  return (good) => ({ find: async (name: string) => good.all().filter((each) => isFound(each.name, name, each)) })
}

const lastFound = new Map<string, readonly StoredRegistration[]>()
function findRemoved(good: Store) {
  const find = async (name: string) => {
    const found = await good.find(name)
    if (found[0] !== undefined) lastFound.set(name, found)
    return lastFound.get(name) ?? found
  }
  return { find }
}

function getting(isFound: (each: StoredRegistration, id: string) => boolean): Fault {
  return (good) => ({ get: async (id: string) => good.all().find((each) => isFound(each, id)) })
}

interface FaultyList {
  compare?(one: string, other: string): number
  isAfter?(id: string, after: string): boolean
  isWanted?(each: StoredRegistration, enabled: boolean): boolean
  bound?(limit: number, given: number | undefined): number
}

function listing({ compare, isAfter, isWanted, bound }: FaultyList): Fault {
  const order = compare ?? ((one, other) => (one < other ? -1 : Number(one > other)))
  const list = async (good: Store, { after, enabled, limit, search = '' }: ListOptions = {}) => {
    return good
      .all()
      .sort((one, other) => order(one.id, other.id))
      .filter(({ id }) => after === undefined || (isAfter?.(id, after) ?? order(id, after) > 0))
      .filter((each) => isInOne(each, (text) => includes(text, search)))
      .filter((each) => enabled === undefined || (isWanted?.(each, enabled) ?? (each.enabled !== false) === enabled))
      .slice(0, bound?.(limit ?? 100, limit) ?? limit ?? 100)
  }
  return (good) => ({ list: (options?: ListOptions) => list(good, options) })
}

function listByPosition(good: Store) {
  const list = async ({ after, limit = 100, ...options }: ListOptions = {}) => {
    const all = await good.list({ ...options, limit: 1e9 })
    const start = all.findIndex(({ id }) => id === after) + 1
    return all.slice(start, start + limit)
  }
  return { list }
}

function listByCount(good: Store) {
  let count = 0
  const list = async ({ after, limit = 100, ...options }: ListOptions = {}) => {
    if (after === undefined) count = 0
    const page = (await good.list({ ...options, limit: 1e9 })).slice(count, count + limit)
    count += page.length
    return page
  }
  return { list }
}

function searchWithinPage(good: Store) {
  const list = async ({ search = '', ...options }: ListOptions = {}) => {
    const page = await good.list(options)
    return page.filter((each) => isInOne(each, (text) => includes(text, search)))
  }
  for (let index = 0; index < 100; index += 1) void good.put({ id: `0${index}`, name: 'https://other.example' })
  return { list }
}

function searching(isFound: (search: string, each: StoredRegistration) => boolean): Fault {
  const list = async (good: Store, { search, limit = 100, ...options }: ListOptions = {}) => {
    const all = await good.list({ ...options, limit: 1e9 })
    return all.filter((each) => search === undefined || isFound(search, each)).slice(0, limit)
  }
  return (good) => ({ list: (options?: ListOptions) => list(good, options) })
}

function answerWithOld(good: Store) {
  const put = async (registration: Registration, options?: WriteOptions) => {
    const before = await good.get(registration.id)
    const stored = await good.put(registration, options)
    return before ?? stored
  }
  return { put }
}

function countFromOne(good: Store) {
  const put = async (registration: Registration, options: WriteOptions = {}) => {
    const revision = String(Number(good.read(registration.id)?.revision ?? 0) + 1)
    return await Object.assign(new MemoryIdentityProviderStore(good.shared), { nextRevision: () => revision }).put(
      registration,
      options,
    )
  }
  return { put }
}

function changingTime(change: (updatedAt: number) => unknown): Fault {
  return (good) => ({
    read: (id: string) => {
      const stored = good.read(id)
      return stored && { ...stored, updatedAt: change(stored.updatedAt) }
    },
  })
}

function storeGiven(good: Store) {
  const put = async (registration: Registration, options?: WriteOptions) => {
    const stored = { ...(await good.put(registration, options)), ...registration }
    good.shared.texts.set(stored.id, JSON.stringify(stored))
    return stored
  }
  return { put }
}

function merge(good: Store) {
  const put = (registration: Registration, options?: WriteOptions) =>
    good.put({ ...good.read(registration.id), ...registration }, options)
  return { put }
}

/** @param before the revision that the store has */
function checkingUnless(isLeftOut: (options: WriteOptions, before: string | undefined) => boolean): Fault {
  const check = (good: Store, id: string, options: WriteOptions) => {
    if (!isLeftOut(options, good.read(id)?.revision)) good.checkRevision(id, options)
  }
  return (good) => ({ checkRevision: (id: string, options: WriteOptions) => check(good, id, options) })
}

function writeFirst(good: Store) {
  const put = async (registration: Registration, options: WriteOptions = {}) => {
    const before = good.read(registration.id)
    const stored = await good.put(registration)
    if (options.ifRevision !== undefined && (options.ifRevision ?? undefined) !== before?.revision) {
      throw new RevisionConflict(registration.id, before?.revision)
    }
    return stored
  }
  return { put }
}

function conflictingWith(change: (conflict: RevisionConflict) => unknown): Fault {
  const replace = async <Result>(write: Promise<Result>) => {
    try {
      return await write
    } catch (error) {
      if (!isRevisionConflict(error)) throw error
      const other = change(error)
      if (other !== undefined) throw other
      return undefined
    }
  }
  return (good) => ({
    put: (registration: Registration, options?: WriteOptions) => replace(good.put(registration, options)),
    remove: (id: string, options?: WriteOptions) => replace(good.remove(id, options)),
  })
}

function lookBeforeWriting(good: Store) {
  const put = async (registration: Registration, options: WriteOptions = {}) => {
    good.checkRevision(registration.id, options)
    await nextTurn()
    return await good.put(registration)
  }
  return { put }
}

function limitWriters(good: Store) {
  const put = async (registration: Registration, options?: WriteOptions) => {
    if (writers >= 10) throw new Error('too many clients')
    writers += 1
    await nextTurn()
    writers -= 1
    return await good.put(registration, options)
  }
  let writers = 0
  return { put }
}

function markRemoved(good: Store) {
  const remove = async (id: string) => {
    const before = good.read(id)
    if (before === undefined) return false
    await good.put({ ...before, enabled: false })
    return true
  }
  return { remove }
}

function remember(good: Store) {
  const read = new Map<string, StoredRegistration | undefined>()
  const get = async (id: string) => {
    if (!read.has(id)) read.set(id, await good.get(id))
    return read.get(id)
  }
  const put = async (registration: Registration, options?: WriteOptions) => {
    const stored = await good.put(registration, options)
    read.set(stored.id, stored)
    return stored
  }
  return { get, put }
}

/** The key of a registration is another text than its id. */
function keyedBy(keyOf: (id: string) => string): Fault {
  return (good) => ({
    get: (id: string) => good.get(keyOf(id)),
    remove: (id: string, options?: WriteOptions) => good.remove(keyOf(id), options),
    put: async (registration: Registration, options?: WriteOptions) => {
      const stored = await good.put({ ...registration, id: keyOf(registration.id) }, options)
      return { ...stored, id: registration.id }
    },
  })
}

/** Each value becomes another one, but for those at the top. */
function changing(change: (value: unknown) => unknown): Fault {
  const read = (good: Store, id: string) => {
    const text = good.shared.texts.get(id)
    return text === undefined ? undefined : JSON.parse(text, (key, value) => (key === '' ? value : change(value)))
  }
  return (good) => ({
    read: (id: string) => read(good, id),
    put: async (registration: Registration, options?: WriteOptions) =>
      read(good, (await good.put(registration, options)).id),
  })
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [rename(name), member]))
}

function storeAnything(good: Store) {
  const put = async (registration: Registration) => {
    const stored = { ...registration, revision: good.nextRevision(), updatedAt: Math.floor(Date.now() / 1000) }
    good.shared.texts.set(registration.id, JSON.stringify(stored))
    return stored
  }
  return { put }
}

const objects = new Map<string, StoredRegistration>()
function keepObjects(good: Store) {
  const put = async (registration: Registration, options?: WriteOptions) => {
    const stored = Object.assign(registration, await good.put(registration, options))
    objects.set(stored.id, stored)
    return stored
  }
  return { put, read: (id: string) => objects.get(id) ?? good.read(id) }
}

function reporting(change: (change: Change) => Change | false): Fault {
  const report = (good: Store, each: Change) => {
    const changed = change(each)
    if (changed !== false) good.report(changed)
  }
  return (good) => ({ report: (each: Change) => report(good, each) })
}

function reportAdditions(good: Store) {
  const put = async (registration: Registration, options?: WriteOptions) => {
    const isNew = good.read(registration.id) === undefined
    const quiet = Object.assign(new MemoryIdentityProviderStore(good.shared), isNew ? {} : { report: () => {} })
    return await quiet.put(registration, options)
  }
  return { put }
}

/** As a poll does that read before the change, and answers after it. */
function reportOld(good: Store) {
  const put = async (registration: Registration, options?: WriteOptions) => {
    const before = good.read(registration.id)
    const stored = await good.put(registration, options)
    if (before !== undefined) setTimeout(() => good.report(changeOf(before)), 300)
    return stored
  }
  return { put }
}

function watchOwn(good: Store) {
  const own = new MemoryIdentityProviderStore(new SharedRegistrations())
  return Object.assign((onChange: OnChange) => own.watch(onChange), { good })
}

function endingWatch(end: (good: Store) => void): Fault {
  return (good) => ({
    watch: (onChange: OnChange) => {
      good.watch(onChange)
      return () => end(good)
    },
  })
}

function takeTime(good: Store) {
  const get = async (id: string) => {
    await pause(Math.random() * 5)
    return await good.get(id)
  }
  const put = async (registration: Registration, options?: WriteOptions) => {
    await pause(Math.random() * 5)
    const stored = await good.put(registration, options)
    await pause(Math.random() * 5)
    return stored
  }
  return { get, put }
}

function reportLate(good: Store) {
  const report = (change: Change) => {
    for (const milliseconds of [100, 110, 120]) setTimeout(() => good.report(change), milliseconds)
  }
  return { report }
}

function reportAnything(good: Store) {
  const watch = (onChange: OnChange) => {
    onChange()
    const timer = setInterval(onChange, 50)
    const end = good.watch(onChange)
    return async () => {
      await pause(10)
      clearInterval(timer)
      end()
    }
  }
  return { watch }
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
