import { printable } from '../errors/printable.js'
import { isJsonObject } from '../jwt/parse-json-object.js'
import { describeType } from '../option-checks/describe-value.js'

/** Members that are looked at, and named, of a document that is not what was expected. */
const MAX_EXAMINED = 100
const MAX_NAMED = 5
/** Characters of a text that are looked at. */
const MAX_BEGINNING = 200

/** What a JSON document seems to be that is not a key set, and what to do about that. Unescaped. */
export function describeDocument(document: unknown): string {
  if (Array.isArray(document)) {
    return document.some(isJwk) ? 'it is a bare array of keys: they must be in { "keys": [...] }' : 'it is an array'
  }
  if (!isJsonObject(document)) return `it is JSON, but not an object: ${describeType(document)}`
  if (Object.hasOwn(document, 'keys')) return describeKeys(Reflect.get(document, 'keys'))
  if (isJwk(document)) return 'it is a single key (JWK): it must be in { "keys": [...] }'
  return describeMetadata(document) ?? describeMembers(document)
}

/** What a text seems to be that is not JSON. Nothing of it is quoted. */
export function describeText(text: string): string {
  const beginning = text.slice(0, MAX_BEGINNING).trimStart()
  if (beginning === '') return 'it is empty'
  if (/^<(?:!doctype html|html)/i.test(beginning)) return 'it looks like an HTML page, such as a login page'
  if (beginning.startsWith('<')) return 'it looks like XML, such as SAML metadata: use the URL of the JWK set'
  if (beginning.startsWith('-----BEGIN '))
    return 'it is PEM text: use the URL of the JWK set, or the option certificates'
  if (/^eyJ[\w-]+\./.test(beginning)) return 'it looks like a JWT: a signed key set is not supported'
  return beginning.startsWith('{') ? 'it begins like a JSON object, but is malformed or cut off' : 'it is not JSON'
}

/** A URL of a document as it can be shown. Unescaped. */
export function withoutUserInfo(text: string | URL): string {
  if (!URL.canParse(String(text))) return 'not a URL'
  const url = new URL(text)
  url.username = ''
  url.password = ''
  return url.href
}

function describeKeys(keys: unknown): string {
  return Array.isArray(keys)
    ? 'it is a key set: use its URL as jwksUri, without discovery'
    : `its member "keys" is not an array: ${describeType(keys)}`
}

function describeMetadata(document: object): string | undefined {
  const jwksUri: unknown = Object.hasOwn(document, 'jwks_uri') ? Reflect.get(document, 'jwks_uri') : undefined
  if (typeof jwksUri === 'string') {
    return `it is a discovery document: use discovery, or its jwks_uri as jwksUri: ${withoutUserInfo(jwksUri)}`
  }
  const isMetadata = ['authorization_endpoint', 'token_endpoint'].some((name) => Object.hasOwn(document, name))
  return isMetadata ? 'it is a discovery document without a jwks_uri' : undefined
}

function describeMembers(document: object): string {
  const entries = Object.entries(document).slice(0, MAX_EXAMINED)
  if (entries.length === 0) return 'it is an empty object'
  if (entries.every(([, value]) => typeof value === 'string' && value.trimStart().startsWith('-----BEGIN '))) {
    return 'it is a map of kids to PEM text: use the URL of the JWK set'
  }
  const names = entries.slice(0, MAX_NAMED).map(([name]) => printable(name))
  return `it is an object without "keys"; its members: ${names.join(', ')}`
}

function isJwk(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'kty')
}
