import { resolve } from 'node:path'
import {
  type IdentityProviderRegistration,
  type IdentityProviderStore,
  type ListOptions,
  type RegistrationChange,
  RevisionConflict,
  type StoredRegistration,
  type WriteOptions,
} from '../identity-provider-store/identity-provider-store.js'
import {
  doesMatchSearch,
  isStorableId,
  isStorableName,
  isTrusted,
  toStoredText,
} from '../identity-provider-store/storable-registration.js'
import { parseJson } from '../jwt/parse-json.js'
import { describeDirectoryFault, removeLeftovers } from './atomic-files.js'
import { DirectoryWatch } from './directory-watch.js'
import { type FileIdentityProviderStoreOptions, readFileStoreOptions } from './file-store-options.js'
import { type DirectoryListener, RegistrationDirectory } from './registration-directory.js'
import type { OwnedRegistration } from './registration-index.js'
import { RegistrationWriter } from './registration-writer.js'

const DEFAULT_LIMIT = 100
/** Milliseconds. */
const CLEANING_INTERVAL = 60_000

/**
 * An `IdentityProviderStore` in a directory with one file for each identity provider, for processes on one machine. A file is
 * `.json` with the options as in code, or `.toml` with the keys of an `[[identity_provider]]` table. Files may also be edited by
 * hand. The directory must exist.
 *
 * Each change is written to a new file, which then replaces the old one. What a store writes is seen by all others at once,
 * and an edit in place within a second. A file that cannot be read changes nothing, and `onError` gets the reason.
 *
 * @example
 * const store = new FileIdentityProviderStore('identity-providers')
 * await store.put({ id: 'acme', name: 'https://login.acme.example', discovery: true, allowedSubjects: ['service-*'] })
 */
export class FileIdentityProviderStore implements IdentityProviderStore {
  readonly #directory: RegistrationDirectory
  readonly #writer: RegistrationWriter
  readonly #pollInterval: number
  readonly #watchers = new Set<DirectoryListener>()
  /** The option `onError`. */
  readonly #own: DirectoryListener
  #watch: DirectoryWatch | undefined
  #cleanedAt = Number.NEGATIVE_INFINITY

  /**
   * @param directory its path, relative to the working directory
   * @throws ConfigError
   */
  constructor(directory: string, options: FileIdentityProviderStoreOptions = {}) {
    const { path, format, pollInterval, env, onError } = readFileStoreOptions(directory, options)
    this.#directory = new RegistrationDirectory(resolve(path), env)
    this.#writer = new RegistrationWriter({ directory: this.#directory, format, env })
    this.#pollInterval = pollInterval
    // What fails is an Error of the operating system or of this package.
    this.#own = guarded(
      () => {},
      (error) => onError?.(error as Error),
    )
    this.#directory.listeners.add(this.#own)
  }

  async find(name: string): Promise<readonly StoredRegistration[]> {
    if (!isStorableName(name)) return []
    const { index } = this.#directory
    await this.#readDirectory(() => index.find(name).map(({ fileName }) => fileName))
    return index.find(name).map(toStored)
  }

  async list(options: ListOptions = {}): Promise<readonly StoredRegistration[]> {
    const { after, limit = DEFAULT_LIMIT, search, enabled } = options
    await this.#readDirectory(() => [])
    const { index } = this.#directory
    const found: StoredRegistration[] = []
    for (const id of index.ids()) {
      if (found.length >= limit) break
      const owned = after === undefined || id > after ? index.get(id) : undefined
      if (owned === undefined || (enabled !== undefined && isTrusted(owned.said) !== enabled)) continue
      if (search === undefined || doesMatchSearch({ ...owned.said, revision: owned.revision }, search)) {
        found.push(toStored(owned))
      }
    }
    return found
  }

  /** @throws RegistrationFileError if the file that the store names by this `id` cannot be read, and never could be */
  async get(id: string): Promise<StoredRegistration | undefined> {
    if (!isStorableId(id)) return undefined
    const { index } = this.#directory
    await this.#readDirectory(() => index.filesOf(id))
    const problem = index.problemOf(id)
    if (problem !== undefined) throw problem
    const owned = index.get(id)
    return owned && toStored(owned)
  }

  async put(registration: IdentityProviderRegistration, options: WriteOptions = {}): Promise<StoredRegistration> {
    const text = toStoredText(registration)
    return await this.#attempt(async () => {
      await this.#removeLeftovers()
      return {
        ...(parseJson(text) as IdentityProviderRegistration),
        ...(await this.#writer.put(registration.id, text, options)),
      }
    })
  }

  /** Removes each file with this `id`. */
  async remove(id: string, options: WriteOptions = {}): Promise<boolean> {
    if (!isStorableId(id) && typeof options.ifRevision !== 'string') return false
    if (!isStorableId(id)) throw new RevisionConflict(id, undefined)
    return await this.#attempt(() => this.#writer.remove(id, options))
  }

  watch(onChange: (change?: RegistrationChange) => void, onError: (error: unknown) => void = () => {}): () => void {
    const listener = guarded(onChange, onError)
    const { listeners, index, isLoaded } = this.#directory
    listeners.add(listener)
    this.#watchers.add(listener)
    const isFirst = this.#watch === undefined
    this.#watch ??= new DirectoryWatch(this.#directory, this.#pollInterval, this.#reportFault)
    const scanned = isFirst ? this.#watch.start() : this.#directory.scan().catch(onError)
    // Otherwise the directory reports that it is loaded.
    if (isLoaded) void scanned.then(() => this.#reportAll(listener, index.problemsOf(index.fileNames())))
    return () => {
      listeners.delete(listener)
      this.#watchers.delete(listener)
      if (this.#watchers.size > 0) return
      this.#watch?.stop()
      this.#watch = undefined
    }
  }

  #reportAll(listener: DirectoryListener, problems: readonly unknown[]): void {
    if (!this.#watchers.has(listener)) return
    listener.onChange()
    for (const problem of problems) listener.onError(problem)
  }

  readonly #reportFault = (error: unknown, isNew: boolean): void => {
    const fault = describeDirectoryFault(error, this.#directory.path)
    if (isNew) this.#own.onError(fault)
    for (const { onError } of [...this.#watchers]) onError(fault)
  }

  /** @param wanted the files that are needed, of which also an edit in place is to be seen */
  #readDirectory(wanted: () => readonly string[]): Promise<void> {
    return this.#attempt(async () => {
      await this.#directory.refresh()
      await this.#directory.check(wanted())
    })
  }

  async #attempt<Result>(act: () => Promise<Result>): Promise<Result> {
    try {
      return await act()
    } catch (error) {
      throw describeDirectoryFault(error, this.#directory.path)
    }
  }

  async #removeLeftovers(): Promise<void> {
    if (performance.now() - this.#cleanedAt < CLEANING_INTERVAL) return
    this.#cleanedAt = performance.now()
    await removeLeftovers(this.#directory.path)
  }
}

function toStored({ said, revision }: OwnedRegistration): StoredRegistration {
  return { ...(parseJson(said.text) as IdentityProviderRegistration), revision, updatedAt: said.updatedAt }
}

/** An error of a listener must not end the watch. */
function guarded(onChange: DirectoryListener['onChange'], onError: DirectoryListener['onError']): DirectoryListener {
  const guard = (act: () => void) => {
    try {
      act()
    } catch {
      // It is the fault of whoever listens.
    }
  }
  return {
    onChange: (change) => guard(() => (change === undefined ? onChange() : onChange(change))),
    onError: (error) => guard(() => onError(error)),
  }
}
