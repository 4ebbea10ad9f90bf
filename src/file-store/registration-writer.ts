import { renameSync, rmSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { TableOrigin } from '../config/identity-provider-table.js'
import { createFault } from '../errors/describe-fault.js'
import { RevisionConflict, type WriteOptions } from '../identity-provider-store/identity-provider-store.js'
import { syncDirectory, writeTemporary } from './atomic-files.js'
import { fileNamesOf } from './file-name.js'
import type { KnownFile } from './read-registration-file.js'
import type { RegistrationDirectory } from './registration-directory.js'
import { readContent, readRevision } from './registration-file.js'
import type { OwnedRegistration } from './registration-index.js'
import { type FileFormat, formatOf, revisionOf, writeRegistration } from './registration-text.js'
import { withWriteLock } from './write-lock.js'

const MODE = 0o600
/** Milliseconds for which others may write the same registration each time before we do. */
const GIVE_UP_AFTER = 15_000

export interface RegistrationWriterDeps extends Pick<TableOrigin, 'env'> {
  directory: RegistrationDirectory
  /** Of new files. */
  format: FileFormat
}

/** What is known when a write begins: only if it is still so is anything written. */
interface Seen {
  owned: OwnedRegistration | undefined
  /** The files that have the id, those that it may get, and what they are. */
  files: ReadonlyMap<string, KnownFile | undefined>
}

/** What a file of a registration is to become. */
interface Replacement {
  fileName: string
  content: string
  mode: number
  /** Files that it replaces in addition to the one of the same name. */
  obsolete: readonly string[]
}

/** Puts and removes registrations, so that of all processes that have seen the same revision only one writes. */
export class RegistrationWriter {
  readonly #deps: RegistrationWriterDeps

  constructor(deps: RegistrationWriterDeps) {
    this.#deps = deps
  }

  /**
   * @param text what `toStoredText` returned
   * @throws RevisionConflict
   */
  async put(id: string, text: string, options: WriteOptions): Promise<{ revision: string; updatedAt: number }> {
    const { directory } = this.#deps
    return await this.#repeat(id, options, async (seen) => {
      const replacement = await this.#replacementFor(id, text, seen)
      if (replacement === undefined) return undefined
      const { fileName, content, mode, obsolete } = replacement
      const temporary = await writeTemporary(directory.path, content, mode)
      try {
        const { mtimeMs } = await stat(temporary)
        const isWritten = await this.#commit(seen, () => {
          renameSync(temporary, join(directory.path, fileName))
          for (const each of obsolete) rmSync(join(directory.path, each), { force: true })
        })
        if (!isWritten) return undefined
        await this.#finish([fileName, ...obsolete])
        return { revision: revisionOf(Buffer.from(content)), updatedAt: Math.floor(mtimeMs / 1000) }
      } finally {
        await rm(temporary, { force: true })
      }
    })
  }

  /** @throws RevisionConflict */
  async remove(id: string, options: WriteOptions): Promise<boolean> {
    const { directory } = this.#deps
    return await this.#repeat(id, options, async (seen) => {
      // The one that counts last: after a crash no other one counts instead.
      const fileNames = [...unreadOf(seen.files), ...ofId(id, seen.files).toReversed()]
      if (fileNames.length === 0) return false
      const isRemoved = await this.#commit(seen, () => {
        for (const each of fileNames) rmSync(join(directory.path, each), { force: true })
      })
      if (!isRemoved) return undefined
      await this.#finish(fileNames)
      return true
    })
  }

  /** Tries until nobody else has written in the meantime: then `write` returns something. */
  async #repeat<Result>(
    id: string,
    { ifRevision }: WriteOptions,
    write: (seen: Seen) => Promise<Result | undefined>,
  ): Promise<Result> {
    const { directory } = this.#deps
    const end = performance.now() + GIVE_UP_AFTER
    await directory.refresh()
    await directory.check(this.#filesFor(id))
    for (;;) {
      const owned = directory.index.get(id)
      const files = new Map(this.#filesFor(id).map((each) => [each, directory.index.file(each)]))
      const problem = directory.index.problemOf(id)
      if (ifRevision !== undefined && problem !== undefined) throw problem
      if (ifRevision !== undefined && (ifRevision ?? undefined) !== owned?.revision) {
        throw new RevisionConflict(id, owned?.revision)
      }
      const result = await write({ owned, files })
      if (result !== undefined) return result
      if (performance.now() > end) throw createFault('busy', `${id} is written by others again and again`)
      await directory.readWritten(this.#filesFor(id))
    }
  }

  /** Those that have the id, and those that it may get. */
  #filesFor(id: string): string[] {
    const preferred = fileNamesOf(id).flatMap((name) => [`${name}.json`, `${name}.toml`])
    return [...new Set([...this.#deps.directory.index.filesOf(id), ...preferred])]
  }

  /** @returns undefined if the file has changed */
  async #replacementFor(id: string, text: string, { owned, files }: Seen): Promise<Replacement | undefined> {
    const { directory, env } = this.#deps
    const { stamp } = owned?.file ?? {}
    const before = stamp && (await readContent(stamp).catch(() => undefined))
    if (before !== undefined && revisionOf(before) !== owned?.revision) return undefined
    const format = owned === undefined ? this.#deps.format : formatOf(owned.fileName)
    const path = join(directory.path, owned?.fileName ?? `${fileNamesOf(id)[0]}.toml`)
    const toml = format === 'toml' ? writeRegistration(text, 'toml', before, { path, env }) : undefined
    const content = toml ?? writeRegistration(text, 'json', undefined, { path })
    const isSameFormat = owned !== undefined && (toml !== undefined || format === 'json')
    const fileName = isSameFormat ? owned.fileName : this.#newFileName(id, toml === undefined ? 'json' : 'toml')
    if (content === undefined) return undefined
    const others = owned === undefined ? unreadOf(files) : [owned.fileName]
    const obsolete = others.filter((each) => each !== fileName)
    // Of text that cannot be read, variables are not kept: their values are written, and may be secret.
    const isLike = isSameFormat && owned.file.problem === undefined
    return { fileName, content, mode: isLike ? (stamp?.mode ?? MODE) : MODE, obsolete }
  }

  #newFileName(id: string, format: FileFormat): string {
    const { index } = this.#deps.directory
    const isOfOther = (fileName: string) => {
      const said = index.file(fileName)?.said
      return said !== undefined && said.id !== id
    }
    const name = fileNamesOf(id).find((each) => !isOfOther(`${each}.json`) && !isOfOther(`${each}.toml`))
    if (name === undefined) throw createFault('occupied', `other registrations have the names of files for ${id}`)
    return `${name}.${format}`
  }

  /** @returns false if one of the files is not what is known of it, and nothing was done */
  async #commit({ files }: Seen, act: () => void): Promise<boolean> {
    const { path } = this.#deps.directory
    const isAsSeen = ([fileName, known]: [string, KnownFile | undefined]) => {
      const revision = readRevision(path, fileName)
      return revision === known?.revision || (revision === undefined && known?.problem !== undefined)
    }
    return await withWriteLock(path, (isOwn) => {
      if (![...files].every(isAsSeen) || !isOwn()) return false
      act()
      return true
    })
  }

  async #finish(fileNames: readonly string[]): Promise<void> {
    const { directory } = this.#deps
    await syncDirectory(directory.path)
    await directory.readWritten(fileNames)
  }
}

function ofId(id: string, files: Seen['files']): string[] {
  return [...files].flatMap(([fileName, file]) => (file?.said?.id === id ? [fileName] : []))
}

/** Nobody knows which id they have. */
function unreadOf(files: Seen['files']): string[] {
  return [...files].flatMap(([fileName, file]) => (file !== undefined && file.said === undefined ? [fileName] : []))
}
