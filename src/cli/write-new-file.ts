import { closeSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fieldOf } from '../errors/field-of.js'
import { CommandFailed } from './command.js'

/** What is wrong and what to do, for each code of the operating system. */
const FAULTS: Readonly<Record<string, (path: string) => string>> = {
  EEXIST: () => 'the file already exists; choose another name, or remove it first',
  EISDIR: () => 'this is a directory; give the name of a file in it',
  ENOENT: (path) => `the directory ${dirname(path)} does not exist; create it first`,
  ENOTDIR: (path) => `${dirname(path)} is not a directory; choose another path`,
  EACCES: (path) => `permission denied; choose a directory that you may write to instead of ${dirname(path)}`,
  EPERM: (path) => `permission denied; choose a directory that you may write to instead of ${dirname(path)}`,
  EROFS: () => 'the file system is read-only; choose another path',
  ENOSPC: () => 'the disk is full; make room first',
  ENAMETOOLONG: () => 'the name is too long; choose a shorter one',
}

/**
 * Writes a file that does not exist yet; never changes one that does. A file that cannot be written whole is removed.
 *
 * @param mode of the file, less what the umask takes away
 * @throws CommandFailed
 */
export function writeNewFile(path: string, text: string, mode: number): void {
  const file = openNewFile(path, mode)
  try {
    writeFileSync(file, text)
  } catch (error) {
    rmSync(path)
    throw faultOf(path, error)
  } finally {
    closeSync(file)
  }
}

function openNewFile(path: string, mode: number): number {
  try {
    return openSync(path, 'wx', mode)
  } catch (error) {
    throw faultOf(path, error)
  }
}

function faultOf(path: string, error: unknown): CommandFailed {
  const code = isDirectory(path) ? 'EISDIR' : String(fieldOf(error, 'code'))
  const describe = Object.hasOwn(FAULTS, code) ? FAULTS[code] : undefined
  return new CommandFailed(`${path}: ${describe?.(path) ?? `the file cannot be written (${code})`}`)
}

function isDirectory(path: string): boolean {
  try {
    return path.endsWith('/') || statSync(path).isDirectory()
  } catch {
    return false
  }
}
