import { hash } from 'node:crypto'
import {
  readIdentityProviderTable,
  type TableOrigin,
  writeIdentityProviderTable,
} from '../config/identity-provider-table.js'
import { createFault } from '../errors/describe-fault.js'
import { fieldOf } from '../errors/field-of.js'
import type { IdentityProviderRegistration } from '../identity-provider-store/identity-provider-store.js'
import { toStoredText } from '../identity-provider-store/storable-registration.js'
import { parseJson } from '../jwt/parse-json.js'
import { parseJsonObject } from '../jwt/parse-json-object.js'
import { plainText } from '../option-checks/describe-value.js'

/** `.json` with the names of the options, or `.toml` with the names of `deployment.toml`. */
export type FileFormat = 'json' | 'toml'

/** Bytes. A registration has at most 262 144 characters. */
export const MAX_FILE_SIZE = 1_048_576

/** The members of which a person thinks as plain text, in which a variable of TOML needs no marks. */
const PLAIN_MEMBERS = ['id', 'name', 'displayName', 'description']

export function formatOf(fileName: string): FileFormat {
  return fileName.endsWith('.toml') ? 'toml' : 'json'
}

/** Another one after each change, also after one by hand. */
export function revisionOf(content: Uint8Array): string {
  return hash('sha256', content, 'base64url')
}

/**
 * The registration in a file, as `toStoredText` writes it.
 *
 * @throws an error that says what is wrong with the file, and quotes nothing of it
 */
export function readRegistration(content: Uint8Array, format: FileFormat, origin: TableOrigin): string {
  const source = decode(content)
  if (format === 'json') return toStoredText(readJson(source) as unknown as IdentityProviderRegistration)
  const entry: Record<string, unknown> = { ...readIdentityProviderTable(source, origin) }
  for (const name of PLAIN_MEMBERS) {
    const member = Object.hasOwn(entry, name) ? entry[name] : undefined
    if (typeof member === 'string') entry[name] = plainText(member)
  }
  return toStoredText(entry as unknown as IdentityProviderRegistration)
}

/**
 * The content of a file for a registration. `updatedAt` in it makes each content another one.
 *
 * @param text what `toStoredText` returned
 * @param before the content that is replaced
 * @returns undefined if TOML cannot say it
 */
export function writeRegistration(
  text: string,
  format: FileFormat,
  before: Uint8Array | undefined,
  origin: TableOrigin,
): string | undefined {
  const entry: Record<string, unknown> = { ...(parseJson(text) as object), updatedAt: microseconds() }
  if (format === 'toml') {
    const source = before && tryToDecode(before)
    return withinLimit(writeIdentityProviderTable(entry, source, origin))
  }
  const json = withinLimit(`${JSON.stringify(entry, undefined, 2)}\n`) ?? JSON.stringify(entry)
  if (parseJsonObject(json) === undefined) throw new TypeError('a registration may nest at most 32 levels deep')
  return json
}

function withinLimit(text: string | undefined): string | undefined {
  return text !== undefined && Buffer.byteLength(text) <= MAX_FILE_SIZE ? text : undefined
}

function readJson(source: string): Readonly<Record<string, unknown>> {
  const registration = parseJsonObject(source)
  if (registration === undefined) {
    throw createFault('unreadable', 'expected one JSON object, without repeated members and at most 32 levels deep')
  }
  return registration
}

function decode(content: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content)
  } catch (error) {
    throw createFault(String(fieldOf(error, 'code')), 'expected text in UTF-8')
  }
}

function tryToDecode(content: Uint8Array): string | undefined {
  try {
    return decode(content)
  } catch {
    return undefined
  }
}

/** Since the epoch, in seconds. */
function microseconds(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000) / 1_000_000
}
