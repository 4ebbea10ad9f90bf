import { randomUUID } from 'node:crypto'
import { lstat, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fieldOf } from '../errors/field-of.js'

/** Milliseconds after which a temporary file is one that a crash has left. */
const LEFT_AFTER = 60_000
const TEMPORARY = /^\.write-.*\.tmp$/

/** A file that is whole on the disk, and that no reader sees. It becomes a registration by its new name. */
export async function writeTemporary(directory: string, content: string, mode: number): Promise<string> {
  const path = join(directory, `.write-${randomUUID()}.tmp`)
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.chmod(mode)
    await file.sync()
    return path
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

/** New names are on the disk, too. Windows cannot do this, and writes them by itself. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes what processes have left that ended while they wrote. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!TEMPORARY.test(name)) continue
    const path = join(directory, name)
    const writtenAt = await lstat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    )
    if (writtenAt !== undefined && Date.now() - writtenAt > LEFT_AFTER) await rm(path, { force: true })
  }
}

/** What is wrong and what to do, for each code of the operating system. */
const FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'the directory does not exist; create it first',
  ENOTDIR: 'this is not a directory; give the path of a directory',
  EACCES: 'permission denied; let this process read and write the directory',
  EPERM: 'permission denied; let this process read and write the directory',
  EROFS: 'the file system is read-only; choose another directory',
  ENOSPC: 'the disk is full; make room first',
  EISDIR: 'a directory has the name that the file must have; rename it',
}

/** The error of the operating system as a sentence, with its `code`. Other errors stay what they are. */
export function describeDirectoryFault(error: unknown, directory: string): unknown {
  const code = fieldOf(error, 'code')
  const text = typeof code === 'string' && Object.hasOwn(FAULTS, code) ? FAULTS[code] : undefined
  return text === undefined ? error : Object.assign(new Error(`${directory}: ${text}`), { code, cause: error })
}
