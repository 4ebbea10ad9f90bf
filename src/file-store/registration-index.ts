import { join } from 'node:path'
import type { RegistrationChange } from '../identity-provider-store/identity-provider-store.js'
import { changeOf } from '../identity-provider-store/storable-registration.js'
import { fileNamesOf } from './file-name.js'
import type { FileUpdate, KnownFile, SaidRegistration } from './read-registration-file.js'
import { RegistrationFileError } from './registration-file.js'

/** A registration, and the file that it is in. */
export interface OwnedRegistration {
  fileName: string
  file: KnownFile
  said: SaidRegistration
  revision: string
}

/** What the files of a directory say together. If several have one id, one of them counts. */
export class RegistrationIndex {
  readonly #files = new Map<string, KnownFile>()
  /** Names of files. */
  readonly #byId = new Map<string, Set<string>>()
  readonly #byName = new Map<string, Set<string>>()
  #sortedIds: readonly string[] | undefined
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  file(fileName: string): KnownFile | undefined {
    return this.#files.get(fileName)
  }

  fileNames(): Iterable<string> {
    return this.#files.keys()
  }

  /** Why these files do not count, if they do not. */
  problemsOf(fileNames: Iterable<string>): RegistrationFileError[] {
    return [...fileNames].flatMap((fileName) => {
      const file = this.#files.get(fileName)
      if (file?.problem !== undefined) return [file.problem]
      const [first, ...others] = file?.said === undefined ? [] : this.filesOf(file.said.id)
      return others.map(
        (other) =>
          new RegistrationFileError(join(this.#directory, other), `it has the same id as ${first}, which counts`),
      )
    })
  }

  /** In the order of code units. */
  ids(): readonly string[] {
    this.#sortedIds ??= [...this.#byId.keys()].sort((left, right) => (left < right ? -1 : 1))
    return this.#sortedIds
  }

  /** The file that counts for an id, and others with the same id, which do not. */
  filesOf(id: string): string[] {
    const preferred = fileNamesOf(id).flatMap((name) => [`${name}.json`, `${name}.toml`])
    const rank = (fileName: string) => (preferred.indexOf(fileName) + preferred.length + 1) % (preferred.length + 1)
    return [...(this.#byId.get(id) ?? [])].sort((left, right) => rank(left) - rank(right) || (left < right ? -1 : 1))
  }

  /** undefined if there is none, or if it may be in a file that never could be read. */
  get(id: string): OwnedRegistration | undefined {
    const [fileName] = this.filesOf(id)
    const file = fileName === undefined ? undefined : this.#files.get(fileName)
    if (fileName === undefined || file?.said === undefined || this.problemOf(id) !== undefined) return undefined
    return { fileName, file, said: file.said, revision: file.revision ?? '' }
  }

  /** Why it is not known what the file says that this id would have. */
  problemOf(id: string): RegistrationFileError | undefined {
    const [name] = fileNamesOf(id)
    const files = [this.#files.get(`${name}.json`), this.#files.get(`${name}.toml`)]
    return files.find((file) => file !== undefined && file.said === undefined)?.problem
  }

  find(name: string): OwnedRegistration[] {
    const fileNames = [...(this.#byName.get(name) ?? [])]
    return fileNames.flatMap((fileName) => {
      const owned = this.get(this.#files.get(fileName)?.said?.id ?? '')
      return owned?.fileName === fileName ? [owned] : []
    })
  }

  /** @returns what has changed; an undefined one if that is not known */
  apply(updates: readonly FileUpdate[]): (RegistrationChange | undefined)[] {
    const ids = new Set<string>()
    for (const { fileName, file } of updates)
      for (const each of [this.#files.get(fileName), file]) if (each?.said !== undefined) ids.add(each.said.id)
    const before = new Map([...ids].map((id) => [id, this.#changeTo(id)]))
    const isUnknown = updates.some(({ fileName, file }) => isUnread(this.#files.get(fileName)) !== isUnread(file))
    for (const update of updates) this.#replace(update)
    const changes = [...ids].flatMap((id) => differenceOf(before.get(id), this.#changeTo(id)))
    return isUnknown && changes.length === 0 ? [undefined] : changes
  }

  #changeTo(id: string): RegistrationChange | undefined {
    const owned = this.get(id)
    return owned && changeOf({ ...owned.said, revision: owned.revision })
  }

  #replace({ fileName, file }: FileUpdate): void {
    const before = this.#files.get(fileName)
    if (before?.said !== undefined) this.#forget(fileName, before.said)
    if (file === undefined) this.#files.delete(fileName)
    else this.#files.set(fileName, file)
    if (file?.said === undefined) return
    add(this.#byName, file.said.name, fileName)
    if (add(this.#byId, file.said.id, fileName)) this.#sortedIds = undefined
  }

  #forget(fileName: string, { id, name }: SaidRegistration): void {
    remove(this.#byName, name, fileName)
    if (remove(this.#byId, id, fileName)) this.#sortedIds = undefined
  }
}

function isUnread(file: KnownFile | undefined): boolean {
  return file !== undefined && file.said === undefined
}

function differenceOf(before: RegistrationChange | undefined, after: RegistrationChange | undefined) {
  if (after !== undefined) return before?.revision === after.revision ? [] : [after]
  return before === undefined ? [] : [{ ...before, revision: undefined, enabled: false }]
}

/** @returns whether the key is new */
function add(index: Map<string, Set<string>>, key: string, fileName: string): boolean {
  const fileNames = index.get(key)
  if (fileNames === undefined) index.set(key, new Set([fileName]))
  else fileNames.add(fileName)
  return fileNames === undefined
}

/** @returns whether the key has gone */
function remove(index: Map<string, Set<string>>, key: string, fileName: string): boolean {
  const fileNames = index.get(key)
  fileNames?.delete(fileName)
  return fileNames?.size === 0 && index.delete(key)
}
