import { type OutgoingHttpHeaders, validateHeaderName, validateHeaderValue } from 'node:http'
import { describeType, isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/** Header names and values that are sent with each fetch of a key set. */
export type JwksRequestHeaders = Readonly<Record<string, string>>

/** Headers, or a function that returns them before each fetch. */
export type JwksHeadersOption = JwksRequestHeaders | (() => JwksRequestHeaders | Promise<JwksRequestHeaders>)

const MAX_HEADERS = 20
/** What the client itself sends, or what would change the meaning of the request. */
const RESERVED_HEADERS = [
  ...['accept-encoding', 'connection', 'content-length', 'expect', 'host', 'if-match', 'if-modified-since'],
  ...['if-none-match', 'if-range', 'if-unmodified-since', 'keep-alive', 'proxy-authorization', 'range', 'te'],
  ...['trailer', 'transfer-encoding', 'upgrade'],
]

export function readHeaders(reader: OptionReader): JwksHeadersOption | undefined {
  const value = reader.value('headers')
  if (value === undefined || typeof value === 'function') return value as JwksHeadersOption | undefined
  const headers = withoutTrailingSpace(value)
  if (areSendable(headers)) return { ...headers } as JwksRequestHeaders
  reader.note('invalid', 'headers', describeHeaderSlip(headers))
  return undefined
}

/**
 * The same without the line break or white space that ends a value which came from a file or a Secret. It is not part of the
 * value (RFC 9110 §5.5).
 */
export function withoutTrailingSpace(headers: unknown): unknown {
  if (!isPlainObject(headers)) return headers
  const trimmed = (value: unknown) => (typeof value === 'string' ? value.replace(/[ \t\r\n]+$/, '') : value)
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, trimmed(value)]))
}

export function namesAuthorization(headers: object): boolean {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')
}

/** Whether these can be sent: at most 20, none that is ours, names and values as RFC 9110 §5 has them. */
export function areSendable(headers: unknown): headers is OutgoingHttpHeaders {
  if (!isPlainObject(headers)) return false // A Map or a Headers object keeps them where none would be found.
  const entries = Object.entries(headers)
  return entries.length <= MAX_HEADERS && entries.every(([name, value]) => isSendable(name, value))
}

function isSendable(name: string, value: unknown): boolean {
  if (typeof value !== 'string' || RESERVED_HEADERS.includes(name.toLowerCase())) return false
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}

/** The values may be secrets, and are not repeated. */
function describeHeaderSlip(headers: unknown): string {
  if (!isPlainObject(headers)) return `got ${describeType(headers)}; expected an object of strings, or a function`
  const names = Object.keys(headers)
  if (names.length > MAX_HEADERS) return `got ${names.length} headers; expected at most ${MAX_HEADERS}`
  const reserved = names.find((name) => RESERVED_HEADERS.includes(name.toLowerCase()))
  if (reserved !== undefined) return `the client sets ${reserved} itself; remove it`
  return 'a header cannot be sent; expected names and string values of RFC 9110 §5'
}
