import { closestName } from '../option-checks/closest-name.js'
import type { ConfigProblem } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import { plainValue } from '../option-checks/literal-text.js'
import type { ReplayStore } from '../replay/replay-store.js'

/** Makes the replay store behind a URL, such as `redis://localhost:6379`. */
export type OpenReplayStore = (url: string) => ReplayStore

/** How to make each replay store that a file may name in `[replay]`, by that name. */
export type ReplayStores = Readonly<Record<string, OpenReplayStore>>

const MEMORY = 'memory'
/** Stands where another store is named than at first: no exchange takes it, and nothing is opened for it. */
const ANOTHER_STORE: ReplayStore = { markUsed: () => Promise.reject(new Error('another replay store takes a restart')) }

interface Deps {
  replayStores: ReplayStores
  /** Collects problems, with paths as in the file. */
  problems: ConfigProblem[]
}

/**
 * Takes `store` and `url` out of the `[replay]` table of a file: a file can only name a store.
 *
 * @returns the table without them, and what makes the store; undefined for the memory of the process
 */
export function takeNamedReplayStore(table: unknown, deps: Deps): { table: unknown; open?: () => ReplayStore } {
  if (!isPlainObject(table)) return { table }
  const { store: name = MEMORY, url, ...others } = plainValue(table) as Readonly<Record<string, unknown>>
  if (name === MEMORY) {
    if (url !== undefined) addProblem('url', 'a URL', 'none with the memory of the process: say which store', deps)
    return { table: others }
  }
  const open = typeof name === 'string' && Object.hasOwn(deps.replayStores, name) ? deps.replayStores[name] : undefined
  if (open === undefined) refuseStore(name, deps)
  else if (isUrl(url)) return { table: others, open: () => open(url) }
  else addProblem('url', typeof url === 'string' ? 'text that is no URL' : 'none', 'the URL of the store', deps)
  return { table: others }
}

/** For a file that is read again and again: a store that was opened is not opened twice, and in the end no other is. */
export class OpenedReplayStores {
  readonly #opened = new Map<string, ReplayStore>()
  #isFinal = false

  /** The same, but each URL is opened once. */
  openingOnce(replayStores: ReplayStores): ReplayStores {
    const openOnce = (name: string, open: OpenReplayStore) => (url: string) => {
      const key = JSON.stringify([name, url])
      const store = this.#opened.get(key) ?? (this.#isFinal ? ANOTHER_STORE : open(url))
      if (!this.#isFinal) this.#opened.set(key, store)
      return store
    }
    return Object.fromEntries(Object.entries(replayStores).map(([name, open]) => [name, openOnce(name, open)]))
  }

  finish(): void {
    this.#isFinal = true
  }
}

function isUrl(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url)
}

function refuseStore(name: unknown, deps: Deps): void {
  const names = [MEMORY, ...Object.keys(deps.replayStores)]
  const wanted = `one of ${names.map((each) => `"${each}"`).join(', ')}; others are made known by loadConfig(path, { replayStores })`
  const suggestion = typeof name === 'string' ? closestName(name, names) : undefined
  // What is longer than a name may be a URL with a password in the wrong place.
  const isName = typeof name === 'string' && /^\w{1,30}$/.test(name)
  addProblem('store', isName ? `"${name}"` : 'something else', wanted, deps, suggestion)
}

function addProblem(key: string, found: string, wanted: string, { problems }: Deps, suggestion?: string): void {
  const path = ['replay', key]
  if (problems.some((known) => known.path.join('.') === path.join('.'))) return // A variable that is not set.
  problems.push({ path, found, wanted, ...(suggestion !== undefined && { suggestion }) })
}
