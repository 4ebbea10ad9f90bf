import { readdir, stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { TableOrigin } from '../config/identity-provider-table.js'
import type { RegistrationChange } from '../identity-provider-store/identity-provider-store.js'
import { type FileUpdate, mayHaveChanged, mayHideChange, readRegistrationFile } from './read-registration-file.js'
import { isRegistrationFile } from './registration-file.js'
import { RegistrationIndex } from './registration-index.js'
import { formatOf } from './registration-text.js'

export interface DirectoryListener {
  /** Without an argument, anything may have changed. */
  onChange(change?: RegistrationChange): void
  /** Also why a file does not count. */
  onError(error: unknown): void
}

/** Milliseconds for which an edit in place may stay unseen: it does not change the time of the directory. */
const LOOK_AGAIN_AFTER = 1000
/** Milliseconds within which an editor has written all of a file, or has replaced the old one by the new one. */
const SETTLED_AFTER = 100
const MAX_SETTLING_ROUNDS = 5
const MAX_READS_AT_ONCE = 32

/** Reads a directory again as far as it has changed. One step after the other, so that what is read later is newer. */
export class RegistrationDirectory {
  readonly path: string
  readonly index: RegistrationIndex
  readonly listeners = new Set<DirectoryListener>()
  readonly #env: TableOrigin['env']
  /** Whether each file was looked at. */
  isLoaded = false
  #modifiedAt: number | undefined
  /** In milliseconds since the epoch, and on the monotonic clock. */
  #scannedAt = { epoch: 0, monotonic: Number.NEGATIVE_INFINITY }
  #lastStep: Promise<unknown> = Promise.resolve()
  #waitingScan: Promise<void> | undefined

  constructor(path: string, env: TableOrigin['env']) {
    this.path = path
    this.index = new RegistrationIndex(path)
    this.#env = env
  }

  /** After this, each file is known that was added, replaced or removed, and each edit in place that is a second old. */
  async refresh(): Promise<void> {
    const { mtimeMs } = await stat(this.path)
    const { epoch, monotonic } = this.#scannedAt
    const isRecent = performance.now() - monotonic < LOOK_AGAIN_AFTER
    if (!isRecent || mtimeMs !== this.#modifiedAt || mayHideChange(mtimeMs, epoch)) await this.scan()
  }

  /** Looks at each file. Those who ask while a scan is waiting share it. */
  scan(): Promise<void> {
    this.#waitingScan ??= this.#enqueue(() => {
      this.#waitingScan = undefined
      return this.#scan()
    })
    return this.#waitingScan
  }

  /** Looks at these files. */
  check(fileNames: Iterable<string>): Promise<void> {
    return this.#enqueue(() => this.#update(fileNames))
  }

  /** Reads files that this process has written or removed. */
  readWritten(fileNames: readonly string[]): Promise<void> {
    return this.#enqueue(async () => this.#apply(await Promise.all(fileNames.map((each) => this.#read(each)))))
  }

  #enqueue<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#lastStep.then(step)
    this.#lastStep = result.catch(() => {})
    return result
  }

  async #scan(): Promise<void> {
    const startedAt = { epoch: Date.now(), monotonic: performance.now() }
    const { mtimeMs } = await stat(this.path)
    const fileNames = (await readdir(this.path)).filter(isRegistrationFile)
    await this.#update(new Set([...fileNames, ...this.index.fileNames()]))
    this.#modifiedAt = mtimeMs
    this.#scannedAt = startedAt
    if (this.isLoaded) return
    this.isLoaded = true
    for (const { onChange } of [...this.listeners]) onChange()
  }

  async #update(fileNames: Iterable<string>): Promise<void> {
    const [settled, others]: [FileUpdate[], FileUpdate[]] = [[], []]
    await forEach(fileNames, async (fileName) => {
      const isChanged = await mayHaveChanged(fileName, this.index.file(fileName), this.path)
      const update = isChanged ? await this.#read(fileName) : undefined
      if (update === undefined) return
      if (this.#isUnsettled(update)) others.push(update)
      else settled.push(update)
    })
    this.#apply([...settled, ...(await this.#settle(others))])
  }

  /** Reads them again until nobody writes them any more. */
  async #settle(updates: readonly FileUpdate[], round = 1): Promise<readonly FileUpdate[]> {
    if (updates.length === 0 || round > MAX_SETTLING_ROUNDS) return updates
    await pause(SETTLED_AFTER)
    const [settled, others]: [FileUpdate[], FileUpdate[]] = [[], []]
    await forEach(updates, async ({ fileName, file }) => {
      const again = await this.#read(fileName)
      const isAtRest = again.file?.revision === file?.revision
      if (isAtRest || !this.#isUnsettled(again)) settled.push(again)
      else others.push(again)
    })
    return [...settled, ...(await this.#settle(others, round + 1))]
  }

  /** Whether an editor may still be at work: it removes a file for a moment, or writes it in parts. */
  #isUnsettled({ fileName, file }: FileUpdate): boolean {
    if (file === undefined) return this.index.file(fileName) !== undefined
    const { modifiedAt, changedAt } = file.stamp ?? { modifiedAt: 0, changedAt: 0 }
    if (Math.abs(Date.now() - modifiedAt) > SETTLED_AFTER) return false
    // The first part of JSON is not JSON, but the first lines of TOML are TOML, with fewer rules. What is renamed is whole:
    // that changes `changedAt`, and a write changes both.
    return file.problem !== undefined || (formatOf(fileName) === 'toml' && changedAt <= modifiedAt)
  }

  #read(fileName: string): Promise<FileUpdate> {
    return readRegistrationFile(fileName, this.index.file(fileName), { directory: this.path, env: this.#env })
  }

  #apply(updates: readonly FileUpdate[]): void {
    const isOther = ({ fileName, file }: FileUpdate) => {
      const before = this.index.file(fileName)
      return before?.revision !== file?.revision || before?.problem?.message !== file?.problem?.message
    }
    const fileNames = updates.filter(isOther).map(({ fileName }) => fileName)
    const changes = this.index.apply(updates)
    const problems = this.index.problemsOf(fileNames)
    for (const listener of [...this.listeners]) {
      if (this.isLoaded) for (const change of changes) listener.onChange(change)
      for (const problem of problems) listener.onError(problem)
    }
  }
}

/** Acts on a bounded number at a time. Rejects if one of them fails, after all have ended. */
async function forEach<Each>(all: Iterable<Each>, act: (each: Each) => Promise<void>): Promise<void> {
  const waiting = all[Symbol.iterator]()
  const worker = async () => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) await act(next.value)
  }
  const ends = await Promise.allSettled(Array.from({ length: MAX_READS_AT_ONCE }, worker))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
