import { join } from 'node:path'
import type { TableOrigin } from '../config/identity-provider-table.js'
import { fieldOf } from '../errors/field-of.js'
import type { StoredRegistration } from '../identity-provider-store/identity-provider-store.js'
import { parseJson } from '../jwt/parse-json.js'
import { type FileStamp, isOutage, RegistrationFileError, readContent, stampOf } from './registration-file.js'
import { formatOf, readRegistration, revisionOf } from './registration-text.js'

/** What one file of the directory says. */
export interface KnownFile {
  stamp: FileStamp | undefined
  /** Of its content now; undefined if that cannot be read. */
  revision: string | undefined
  /** What it says, or if that cannot be read, what it said last; undefined: it never could be read. */
  said: SaidRegistration | undefined
  /** Why it cannot be read. */
  problem: RegistrationFileError | undefined
  /** When it was read, in milliseconds since the epoch. */
  readAt: number
}

/** A registration whose other members are still text. */
export interface SaidRegistration
  extends Pick<StoredRegistration, 'id' | 'name' | 'displayName' | 'enabled' | 'updatedAt'> {
  text: string
}

export interface FileUpdate {
  fileName: string
  /** undefined: it has been removed. */
  file: KnownFile | undefined
}

/** Milliseconds within which two changes may have the same time, and on file systems that count seconds. */
const TIME_STEP = 50
const COARSE_TIME_STEP = 2000

export interface ReadFileDeps extends Pick<TableOrigin, 'env'> {
  directory: string
}

/** Whether something may have happened after `seenAt` that left this time as it is. Both are milliseconds since the epoch. */
export function mayHideChange(time: number, seenAt: number): boolean {
  return seenAt - time < (Number.isInteger(time / 1000) ? COARSE_TIME_STEP : TIME_STEP)
}

/** Whether a file must be read again. */
export async function mayHaveChanged(
  fileName: string,
  known: KnownFile | undefined,
  directory: string,
): Promise<boolean> {
  let stamp: FileStamp | undefined
  try {
    stamp = await stampOf(directory, fileName)
  } catch (error) {
    if (isOutage(error)) throw error
    return true
  }
  if (known?.stamp === undefined || stamp === undefined) return known !== undefined || stamp !== undefined
  const { path, inode, size, modifiedAt, changedAt } = known.stamp
  const isSame = path === stamp.path && inode === stamp.inode && size === stamp.size
  if (!isSame || modifiedAt !== stamp.modifiedAt || changedAt !== stamp.changedAt) return true
  // A variable or another file that TOML names may be there by now.
  return mayHideChange(changedAt, known.readAt) || (known.problem !== undefined && formatOf(fileName) === 'toml')
}

export async function readRegistrationFile(
  fileName: string,
  before: KnownFile | undefined,
  deps: ReadFileDeps,
): Promise<FileUpdate> {
  const readAt = Date.now()
  let [stamp, revision]: [FileStamp | undefined, string | undefined] = [undefined, before?.revision]
  try {
    stamp = await stampOf(deps.directory, fileName)
    const content = stamp && (await readContent(stamp))
    if (stamp === undefined || content === undefined) return { fileName, file: undefined }
    const isSame = before?.problem === undefined && before?.revision === revisionOf(content)
    revision = revisionOf(content)
    const said = (isSame ? before.said : undefined) ?? interpret(fileName, content, deps)
    const updatedAt = Math.floor(stamp.modifiedAt / 1000)
    return { fileName, file: { stamp, revision, said: { ...said, updatedAt }, problem: undefined, readAt } }
  } catch (error) {
    if (isOutage(error)) throw error
    const problem = problemOf(error, join(deps.directory, fileName))
    return { fileName, file: { stamp, revision, said: before?.said, problem, readAt } }
  }
}

function interpret(fileName: string, content: Uint8Array, { directory, env }: ReadFileDeps): SaidRegistration {
  const text = readRegistration(content, formatOf(fileName), { path: join(directory, fileName), env })
  const { id, name, displayName, enabled } = parseJson(text) as StoredRegistration
  const optional = { ...(displayName !== undefined && { displayName }), ...(enabled !== undefined && { enabled }) }
  return { id, name, ...optional, updatedAt: 0, text }
}

function problemOf(error: unknown, file: string): RegistrationFileError {
  if (fieldOf(error, 'code') === 'unreadable_registration') return error as RegistrationFileError
  const problems = fieldOf(error, 'problems')
  if (!Array.isArray(problems)) return new RegistrationFileError(file, String(fieldOf(error, 'message')))
  const lines = problems.map((problem) => {
    const place = String(fieldOf(problem, 'location')).slice(file.length + 1)
    return `${place === '' ? '' : `${place} `}${String(fieldOf(problem, 'message'))}`
  })
  return new RegistrationFileError(file, lines.join('; '))
}
