import { isPlainObject, plainValue } from '../option-checks/describe-value.js'
import { closestName } from '../option-checks/unknown-option.js'
import type { ReplayStore } from '../replay/replay-store.js'
import type { RevocationStore } from '../revocation/revocation-store.js'
import type { FileProblem } from './file-problem.js'

/** A store that a file names, in `[replay]` or `[revocation]`. */
export interface NamedStore<Name extends string = string> {
  name: Name
  /** It may have a password in it. */
  url: string
}

/** The replay store that a file names in `[replay]`. */
export type NamedReplayStore<Name extends string = string> = NamedStore<Name>
/** The revocation store that a file names in `[revocation]`. */
export type NamedRevocationStore<Name extends string = string> = NamedStore<Name>

/** Creates the replay store behind a URL, such as `redis://localhost:6379`. */
export type OpenReplayStore = (url: string) => ReplayStore
/** Creates the revocation store behind a URL. */
export type OpenRevocationStore = (url: string) => RevocationStore

/** How to create each replay store that a file may name in `[replay]`, by that name. */
export type ReplayStores = Readonly<Record<string, OpenReplayStore>>
/** How to create each revocation store that a file may name in `[revocation]`, by that name. */
export type RevocationStores = Readonly<Record<string, OpenRevocationStore>>

type Stores<Store> = Readonly<Record<string, (url: string) => Store>>

const MEMORY = 'memory'
const needsRestart = (store: string) => Promise.reject(new Error(`changing the ${store} store needs a restart`))
/** Used if a changed file names another store: no exchange takes it, and nothing is opened. */
export const ANOTHER_REPLAY_STORE: ReplayStore = { markUsed: () => needsRestart('replay') }
export const ANOTHER_REVOCATION_STORE: RevocationStore = {
  add: () => needsRestart('revocation'),
  read: () => needsRestart('revocation'),
}

interface Deps {
  /** The option, which is also the name of the table. */
  option: 'replay' | 'revocation'
  /** The names of the stores that can be opened; undefined: any. */
  names: readonly string[] | undefined
  /** Collects problems, with paths as in the file. */
  problems: FileProblem[]
}

/**
 * Takes `store` and `url` out of the `[replay]` or `[revocation]` table of a file: a file can only name a store.
 *
 * @returns the table without them, and the store; undefined for the memory of the process
 */
export function readNamedStore(table: unknown, deps: Deps): { table: unknown; named?: NamedStore } {
  if (!isPlainObject(table)) return { table }
  const { store: name = MEMORY, url, ...others } = plainValue(table) as Readonly<Record<string, unknown>>
  if (name === MEMORY) {
    if (url !== undefined) addProblem('url', 'the memory of the process has no URL; remove `url`, or set `store`', deps)
    return { table: others }
  }
  if (typeof name !== 'string' || name === '' || deps.names?.includes(name) === false) refuseStore(name, deps)
  else if (isUrl(url)) return { table: others, named: { name, url } }
  else {
    const got = url === undefined ? 'missing' : 'got something that is not a URL'
    addProblem('url', `${got}; expected the URL of the store`, deps)
  }
  return { table: others }
}

/** For a file that is read again and again: the store that was opened first stays, and no other is opened. */
export class LastingStore<Store> {
  readonly #stores: Stores<Store>
  readonly #another: Store
  #first: { named: NamedStore | undefined; store: Store | undefined } | undefined

  constructor(stores: Stores<Store>, another: Store) {
    this.#stores = stores
    this.#another = another
  }

  readonly open = (named: NamedStore | undefined): Store | undefined => {
    this.#first ??= { named, store: openNamed(named, this.#stores) }
    const { named: first, store } = this.#first
    if (named === undefined) return undefined
    return named.name === first?.name && named.url === first.url ? store : this.#another
  }
}

export function openNamed<Store>(named: NamedStore | undefined, stores: Stores<Store>): Store | undefined {
  return named && stores[named.name]?.(named.url)
}

function isUrl(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url)
}

function refuseStore(name: unknown, deps: Deps): void {
  const names = [MEMORY, ...(deps.names ?? [])]
  const suggestion = typeof name === 'string' ? closestName(name, names) : undefined
  // What is longer than a name may be a URL with a password in the wrong place.
  const isName = typeof name === 'string' && /^\w{1,30}$/.test(name)
  const where = `loadConfig(path, { ${deps.option}Stores })`
  const known = `one of ${names.map((each) => `"${each}"`).join(', ')}, or a name that you add in ${where}`
  const question = suggestion === undefined ? '' : `. Did you mean "${suggestion}"?`
  addProblem('store', `got ${isName ? `"${name}"` : 'something else'}; expected ${known}${question}`, deps, suggestion)
}

function addProblem(key: string, message: string, { option, problems }: Deps, suggestion?: string): void {
  const path = [option, key]
  if (problems.some((known) => known.path.join('.') === path.join('.'))) return // A variable that is not set.
  problems.push({ code: 'invalid', path, message, ...(suggestion !== undefined && { suggestion }) })
}
