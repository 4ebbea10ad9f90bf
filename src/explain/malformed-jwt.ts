import { printable } from '../errors/printable.js'

/** As parsing allows them: see `parseJwt`. */
const MAX_DEPTH = 32
const MAX_KID = 256
/** Characters of a member's name that are shown. */
const MAX_NAME = 40
const BASE64URL = /^[A-Za-z0-9_-]+$/
/** A string, a colon, or what opens or closes an object or an array. In valid JSON these come in this order. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/gs
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What is wrong with three parts that are not a JWT, and what to do about it; undefined: nothing was found. */
export function hintOfMalformed([header = '', payload = '', signature = '']: readonly string[]): string | undefined {
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
    return JSON.parse(text)
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
      return `${name} in the header is ${kindOf(value)}: ${adviceOn(name)}`
  }
  const { length = 0 } = Object(header.get('kid'))
  return length > MAX_KID ? `kid in the header has ${length} characters: at most ${MAX_KID} are accepted` : undefined
}

function adviceOn(name: string): string {
  return name === 'alg' ? 'it must be a string' : 'it must be a string, or be left out'
}

export function kindOf(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
