import { printable } from '../errors/printable.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { parseJson } from '../jwt/parse-json.js'
import { isJsonObject } from '../jwt/parse-json-object.js'
import { describeType } from '../option-checks/describe-value.js'
import { optionName } from './wording.js'

/** As parsing allows them: see `parseJwt`. */
const MAX_DEPTH = 32
const MAX_KID = 256
/** Characters of a member's name that are shown. */
const MAX_NAME = 40
const BASE64URL = /^[A-Za-z0-9_-]+$/
/** A string, a colon, or what opens or closes an object or an array. In valid JSON these come in this order. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/gs
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What a text that is not a JWT may be. */
export function hintOfShape(reason: ReasonCode, text: string): string | undefined {
  if (reason === 'unsupported_header') return 'turn the extension off at the identity provider'
  if (reason === 'too_large')
    return `raise ${optionName('maxBytes')}, or configure the identity provider to include fewer claims`
  if (text.trim() === '') return 'the input is empty'
  if (/^\s*\{/.test(text) && /"(?:access|id)_token"/.test(text)) {
    return 'this is a whole token response: send only the assertion'
  }
  if (/^(?:authorization: ?)?bearer /i.test(text)) return 'leave out Bearer'
  if (/^(?:grant_type=[^&]{0,100}&)?assertion=/.test(text)) return 'leave out assertion='
  if (/[\r\n]$/.test(text) && !/\s/.test(text.trimEnd())) return 'it ends with a line break: remove that'
  if (text !== text.trim() && !/\s/.test(text.trim())) return 'it has white space around it: remove that'
  if (/\s/.test(text)) return 'it has white space or line breaks in it: send it in one line'
  if (/^["']|["']$/.test(text)) return 'it has quotation marks around it'
  return hintOfParts(text.split('.'))
}

function hintOfParts(parts: readonly string[]): string | undefined {
  if (parts.length === 5) return 'five parts: the token is encrypted, which is not supported'
  if (parts.length !== 3) {
    const count = parts.length === 1 ? 'one part' : `${parts.length} parts`
    return `${count} instead of three: the token is opaque or cut off`
  }
  if (parts[2] === '') return 'it has no signature'
  if (parts.some((part) => /[=+/]/.test(part))) return 'it is base64: a JWT is base64url without padding'
  return hintOfMalformed(parts)
}

/** What is wrong with three parts that are not a JWT, and what to do about it; undefined: nothing was found. */
function hintOfMalformed([header = '', payload = '', signature = '']: readonly string[]): string | undefined {
  return (
    hintOfEncoding('signature', signature) ??
    hintOfEncoding('header', header) ??
    hintOfJson('header', header) ??
    hintOfHeader(header) ??
    hintOfEncoding('payload', payload) ??
    hintOfJson('payload', payload)
  )
}

function hintOfEncoding(part: string, encoded: string): string | undefined {
  if (encoded === '') return `the ${part} is empty: the token is cut off`
  if (!BASE64URL.test(encoded)) return `the ${part} has characters that base64url does not have`
  if (encoded.length % 4 === 1) return `the ${part} is incomplete base64url: the token is cut off`
  if (Buffer.from(encoded, 'base64url').toString('base64url') === encoded) return undefined
  return `the ${part} does not end as base64url does: the token is cut off, or was changed`
}

function hintOfJson(part: string, encoded: string): string | undefined {
  const text = decode(encoded)
  if (text === undefined) return `the ${part} is not UTF-8`
  if (text.startsWith('\uFEFF')) return `the ${part} begins with a byte order mark, which JSON does not have`
  const value = parse(text)
  if (value === undefined) return `the ${part} is not JSON: configure the identity provider to issue JWTs`
  if (!isJsonObject(value)) return `the ${part} is not a JSON object`
  return hintOfMembers(part, text)
}

function decode(encoded: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(encoded, 'base64url'))
  } catch {
    return undefined
  }
}

function parse(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** @param text valid JSON */
function hintOfMembers(part: string, text: string): string | undefined {
  const open: Set<unknown>[] = []
  let string = '""'
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token !== ':') string = token
    else if (!addTo(open.at(-1), parse(string)))
      return `the ${part} has ${quote(parse(string))} twice: each name may occur only once`
    if (open.length > MAX_DEPTH) return `the ${part} nests deeper than ${MAX_DEPTH} levels`
  }
  return undefined
}

function addTo(names: Set<unknown> | undefined, name: unknown): boolean {
  const isNew = names?.has(name) !== true
  names?.add(name)
  return isNew
}

function quote(name: unknown): string {
  const text = printable(JSON.stringify(name))
  return text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}..."` : text
}

function hintOfHeader(encoded: string): string | undefined {
  const header = new Map(Object.entries(parse(decode(encoded) ?? '') ?? {}))
  if (!header.has('alg')) return 'the header has no alg'
  for (const name of ['alg', 'kid', 'typ']) {
    const value: unknown = header.get(name)
    if (header.has(name) && typeof value !== 'string')
      return `${name} in the header is ${describeType(value)}: ${adviceOn(name)}`
  }
  const { length = 0 } = Object(header.get('kid'))
  return length > MAX_KID ? `kid in the header has ${length} characters: at most ${MAX_KID} are accepted` : undefined
}

function adviceOn(name: string): string {
  return name === 'alg' ? 'it must be a string' : 'it must be a string or absent'
}
