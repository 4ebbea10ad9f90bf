import { isPlainObject, plainValue } from '../option-checks/describe-value.js'
import { closestName } from '../option-checks/unknown-option.js'
import type { ReplayStore } from '../replay/replay-store.js'
import type { FileProblem } from './file-problem.js'

/** The replay store that a file names in `[replay]`. */
export interface NamedReplayStore<Name extends string = string> {
  name: Name
  /** It may have a password in it. */
  url: string
}

/** Creates the replay store behind a URL, such as `redis://localhost:6379`. */
export type OpenReplayStore = (url: string) => ReplayStore

/** How to create each replay store that a file may name in `[replay]`, by that name. */
export type ReplayStores = Readonly<Record<string, OpenReplayStore>>

const MEMORY = 'memory'
/** Used if a changed file names another store: no exchange takes it, and nothing is opened. */
const ANOTHER_STORE: ReplayStore = {
  markUsed: () => Promise.reject(new Error('changing the replay store needs a restart')),
}

interface Deps {
  /** The names of the stores that can be opened; undefined: any. */
  names: readonly string[] | undefined
  /** Collects problems, with paths as in the file. */
  problems: FileProblem[]
}

/**
 * Takes `store` and `url` out of the `[replay]` table of a file: a file can only name a store.
 *
 * @returns the table without them, and the store; undefined for the memory of the process
 */
export function readNamedReplayStore(table: unknown, deps: Deps): { table: unknown; named?: NamedReplayStore } {
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
export class LastingReplayStore {
  readonly #replayStores: ReplayStores
  #first: { named: NamedReplayStore | undefined; store: ReplayStore | undefined } | undefined

  constructor(replayStores: ReplayStores) {
    this.#replayStores = replayStores
  }

  readonly open = (named: NamedReplayStore | undefined): ReplayStore | undefined => {
    this.#first ??= { named, store: openNamed(named, this.#replayStores) }
    const { named: first, store } = this.#first
    if (named === undefined) return undefined
    return named.name === first?.name && named.url === first.url ? store : ANOTHER_STORE
  }
}

export function openNamed(named: NamedReplayStore | undefined, replayStores: ReplayStores): ReplayStore | undefined {
  return named && replayStores[named.name]?.(named.url)
}

function isUrl(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url)
}

function refuseStore(name: unknown, deps: Deps): void {
  const names = [MEMORY, ...(deps.names ?? [])]
  const suggestion = typeof name === 'string' ? closestName(name, names) : undefined
  // What is longer than a name may be a URL with a password in the wrong place.
  const isName = typeof name === 'string' && /^\w{1,30}$/.test(name)
  const known = `one of ${names.map((each) => `"${each}"`).join(', ')}, or a name that you add in loadConfig(path, { replayStores })`
  const question = suggestion === undefined ? '' : `. Did you mean "${suggestion}"?`
  addProblem('store', `got ${isName ? `"${name}"` : 'something else'}; expected ${known}${question}`, deps, suggestion)
}

function addProblem(key: string, message: string, { problems }: Deps, suggestion?: string): void {
  const path = ['replay', key]
  if (problems.some((known) => known.path.join('.') === path.join('.'))) return // A variable that is not set.
  problems.push({ code: 'invalid', path, message, ...(suggestion !== undefined && { suggestion }) })
}
