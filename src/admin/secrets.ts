import { isDeepStrictEqual } from 'node:util'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import type { EntryProblem } from './problem.js'
import type { JsonObject } from './read-json.js'

/** What answers show instead of a secret. Sent back, it keeps the secret. */
export const NOT_SHOWN = '[not shown]'

/** Private and symmetric members of a JWK (RFC 7518 §6). They are refused, but another program may have stored some. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
/** Where the secrets of an entry are sent, and what protects them on the way. */
const DESTINATION = ['name', 'jwksUri', 'discovery', 'ca', 'allowInsecureHttp']
const USER_INFO = /^([a-z][a-z\d+.-]*:\/\/)?.*@/is

/** Whether an entry is fetched from where the stored one is, on the same way. */
export function hasSameDestination(entry: JsonObject, stored: JsonObject): boolean {
  const isSame = (option: string) => isDeepStrictEqual(ownMember(entry, option), ownMember(stored, option))
  return DESTINATION.every(isSame) && proxyAddress(entry) === proxyAddress(stored)
}

/** The same entry without its secrets. */
export function withoutSecrets(entry: JsonObject): JsonObject {
  const shown = Object.entries(entry).map(([option, value]): [string, unknown] => {
    if (option === 'headers') return [option, isJsonObject(value) ? hideAll(value) : NOT_SHOWN]
    if (option === 'bearerTokenFile') return [option, NOT_SHOWN]
    if (option === 'proxy') return [option, typeof value === 'string' ? hideUserInfo(value) : NOT_SHOWN]
    return [option, option === 'jwks' ? hidePrivateMembers(value) : hidePrivateKeys(value)]
  })
  return Object.fromEntries(shown)
}

/** An entry with the secrets that it keeps, and why others cannot be kept. */
export interface RestoredEntry {
  entry: JsonObject
  problems: readonly EntryProblem[]
}

/**
 * Replaces `[not shown]` by the stored secret. That is refused if the entry would send the secret to somebody else: whoever
 * may edit an entry need not know its secrets, and must not find them out.
 */
export function restoreSecrets(entry: JsonObject, stored: JsonObject | undefined): RestoredEntry {
  const problems: EntryProblem[] = []
  const isSameDestination = stored !== undefined && hasSameDestination(entry, stored)
  const restore = (value: unknown, known: unknown, path: readonly string[]): unknown => {
    if (typeof value !== 'string' || !value.includes(NOT_SHOWN)) return value
    if (isSameDestination && known !== undefined) return known
    problems.push({ code: 'invalid', path, message: messageFor(known) })
    return value
  }
  const headersOf = (of: JsonObject | undefined) => (of === undefined ? undefined : ownMember(of, 'headers'))
  const headers = headersOf(entry)
  const knownHeaders = headersOf(stored)
  const restored = Object.entries(entry).map(([option, value]): [string, unknown] => {
    if (option === 'headers' && isJsonObject(headers)) {
      const known = isJsonObject(knownHeaders) ? knownHeaders : {}
      const each = Object.entries(headers).map(([name, text]) => {
        return [name, restore(text, ownMember(known, name), ['headers', name])]
      })
      return [option, Object.fromEntries(each)]
    }
    const isSecret = ['headers', 'proxy', 'bearerTokenFile'].includes(option)
    return [option, isSecret ? restore(value, stored && ownMember(stored, option), [option]) : value]
  })
  return { entry: Object.fromEntries(restored), problems }
}

function messageFor(known: unknown): string {
  if (known === undefined) return `got "${NOT_SHOWN}", but there is no stored value to keep; set the value`
  return `got "${NOT_SHOWN}", but the entry would send it elsewhere; set the value again`
}

/** Its scheme, host and port, as a URL parser reads them: what looks like user info may be another host. */
function proxyAddress(entry: JsonObject): unknown {
  const proxy = ownMember(entry, 'proxy')
  const url = typeof proxy === 'string' ? proxy.replaceAll(NOT_SHOWN, 'x') : ''
  return URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}` : proxy
}

function hideAll(headers: JsonObject): JsonObject {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, NOT_SHOWN]))
}

function hideUserInfo(url: string): string {
  return url.replace(USER_INFO, `$1${NOT_SHOWN}@`)
}

function hidePrivateMembers(jwks: unknown): unknown {
  const keys = isJsonObject(jwks) ? ownMember(jwks, 'keys') : undefined
  if (!isJsonObject(jwks) || !Array.isArray(keys)) return NOT_SHOWN
  return { ...jwks, keys: keys.map((key: unknown) => (isJsonObject(key) ? hideMembers(key) : key)) }
}

function hideMembers(key: JsonObject): JsonObject {
  const members = Object.entries(key).map(([name, value]) => [name, PRIVATE_MEMBERS.includes(name) ? NOT_SHOWN : value])
  return Object.fromEntries(members)
}

/** PEM text of a private key, where a certificate belongs. */
function hidePrivateKeys(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('PRIVATE KEY') ? NOT_SHOWN : value
  return Array.isArray(value) ? value.map(hidePrivateKeys) : value
}
