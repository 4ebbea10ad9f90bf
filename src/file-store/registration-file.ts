import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { fieldOf } from '../errors/field-of.js'
import { MAX_FILE_SIZE, revisionOf } from './registration-text.js'

/** Changes if the content of a file changes, unless it changes twice within a few milliseconds. */
export interface FileStamp {
  path: string
  inode: number
  size: number
  modifiedAt: number
  changedAt: number
  /** Who may read and write it. */
  mode: number
}

/** A file cannot be read as a registration. The others can still be used. */
export class RegistrationFileError extends Error {
  override readonly name = 'RegistrationFileError'
  readonly code = 'unreadable_registration'
  /** The path of the file. */
  readonly file: string

  constructor(file: string, reason: string) {
    super(`${file}: ${reason}`)
    this.file = file
  }
}

const OUTAGES = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'ENOBUFS']
/** What is wrong with a file, for each code of the operating system. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'the link leads to nothing',
  ELOOP: 'the link leads to itself',
  EACCES: 'permission denied; make the file readable for this process',
  EPERM: 'permission denied; make the file readable for this process',
}
// Opening a FIFO would wait for a writer, and a link could have replaced the file.
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0)

/** Whether a file of the directory is meant to hold a registration. Temporary ones begin with a dot. */
export function isRegistrationFile(fileName: string): boolean {
  return /^[^.].*\.(?:json|toml)$/s.test(fileName)
}

/**
 * @returns undefined if there is no such file
 * @throws RegistrationFileError if it is none of the directory
 */
export async function stampOf(directory: string, fileName: string): Promise<FileStamp | undefined> {
  const path = join(directory, fileName)
  try {
    const stats = await lstat(path)
    return stats.isSymbolicLink() ? await stampOfLink(directory, path) : stampFrom(stats, path)
  } catch (error) {
    if (fieldOf(error, 'code') === 'ENOENT') return undefined
    throw faultOf(error, path)
  }
}

async function stampOfLink(directory: string, path: string): Promise<FileStamp> {
  try {
    const target = await realpath(path)
    if (!isWithin(await realpath(directory), target)) {
      throw new RegistrationFileError(path, 'the link leads out of the directory; put the file itself there')
    }
    return stampFrom(await stat(target), target)
  } catch (error) {
    throw faultOf(error, path)
  }
}

function isWithin(directory: string, path: string): boolean {
  return path.startsWith(`${directory}${sep}`)
}

function stampFrom(stats: Stats, path: string): FileStamp {
  const { ino: inode, size, mtimeMs: modifiedAt, ctimeMs: changedAt } = stats
  return { path, inode, size, modifiedAt, changedAt, mode: stats.mode & 0o777 }
}

/**
 * @returns undefined if the file has vanished
 * @throws RegistrationFileError
 */
export async function readContent({ path }: FileStamp): Promise<Buffer | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, FLAGS)
    checkKind(await file.stat(), path)
    return await file.readFile()
  } catch (error) {
    if (fieldOf(error, 'code') === 'ENOENT') return undefined
    throw faultOf(error, path)
  } finally {
    await file?.close()
  }
}

/** The revision of what is there now, read at once; undefined: nothing that could be read. */
export function readRevision(directory: string, fileName: string): string | undefined {
  let file: number | undefined
  try {
    const path = realpathSync(join(directory, fileName))
    if (!isWithin(realpathSync(directory), path)) return undefined
    file = openSync(path, FLAGS)
    checkKind(fstatSync(file), path)
    return revisionOf(readFileSync(file))
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function checkKind(stats: Stats, path: string): void {
  if (!stats.isFile()) throw new RegistrationFileError(path, 'expected a regular file; remove what is there')
  if (stats.size > MAX_FILE_SIZE) {
    throw new RegistrationFileError(path, `${stats.size} bytes; expected at most ${MAX_FILE_SIZE}`)
  }
}

/** Whether the process or the machine lacks something, so that nothing is known of a file. */
export function isOutage(error: unknown): boolean {
  return OUTAGES.includes(String(fieldOf(error, 'code')))
}

/** An outage stays what it is. */
function faultOf(error: unknown, path: string): unknown {
  const code = String(fieldOf(error, 'code'))
  if (isOutage(error) || code === 'unreadable_registration') return error
  return new RegistrationFileError(path, FAULTS[code] ?? `the file cannot be read (${code})`)
}
