import { isScopeToken } from '../oauth/scope.js'
import { option } from '../option-checks/config-error.js'
import { describeType, isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'

/** What a host adds to the metadata. */
export interface MetadataSettings {
  /** Listed instead of the scopes that the options name; undefined: those. */
  scopes: readonly string[] | undefined
  /** Further members: JSON values. */
  members: Readonly<Record<string, unknown>>
}

/** Bytes of all further members together, as JSON. */
const MAX_BYTES = 16_384
/** Levels of arrays and objects within one member. */
const MAX_DEPTH = 8
/** In snake_case, with a language (RFC 8414 §2) or without, or a URI as the name of a private member. */
const MEMBER_NAME = /^(?:[a-z][a-z0-9]*(?:_[a-z0-9]+)*(?:#[A-Za-z0-9-]{1,35})?|https:\/\/[\x21-\x7E]+)$/

/**
 * What the exchange itself says in its metadata, now or with another configuration. A member that says how the token endpoint
 * works must not be made up, because clients rely on it.
 */
const OWN_MEMBERS = [
  ...['issuer', 'token_endpoint', 'jwks_uri', 'grant_types_supported', 'mtls_endpoint_aliases'],
  ...['token_endpoint_auth_methods_supported', 'token_endpoint_auth_signing_alg_values_supported'],
  ...['tls_client_certificate_bound_access_tokens', 'dpop_signing_alg_values_supported'],
  ...['client_id_metadata_document_supported', 'authorization_grant_profiles_supported'],
  ...['subject_types_supported', 'id_token_signing_alg_values_supported'],
  ...['introspection_endpoint', 'revocation_endpoint'].flatMap((name) => [
    name,
    `${name}_auth_methods_supported`,
    `${name}_auth_signing_alg_values_supported`,
  ]),
]
/** What it says with the option `resources` only. */
const OF_RESOURCES = 'protected_resources'
/** Options of the top, which are not members: in a file they end up here if they are below the header of this table. */
const OPTIONS_OF_TOP: Readonly<Record<string, string>> = {
  require_https: 'requireHttps',
  openid_configuration: 'openidConfiguration',
  introspection: 'introspection',
  mtls_token_endpoint: 'mtlsTokenEndpoint',
  subject: 'subject',
}

/** Reads `metadata`. The values are copies, so that nothing changes them later. */
export function readMetadata(reader: OptionReader): MetadataSettings {
  const given = reader.value('metadata')
  const names = isPlainObject(given) ? Object.keys(given) : []
  const table = reader.object('metadata')
  const read = new Map(names.map((name) => [name, readMember(table, name)]))
  if (names.includes(OF_RESOURCES) && reader.has('resources')) noteOwn(table, OF_RESOURCES)
  checkSuitEachOther(table, names)
  const scopes = read.get('scopes_supported')
  const members = Object.fromEntries(
    [...read].filter(([name, value]) => value !== undefined && name !== 'scopes_supported'),
  )
  const size = Buffer.byteLength(JSON.stringify([...read]))
  if (size > MAX_BYTES) {
    reader.note('out_of_bounds', 'metadata', `got ${size} bytes of JSON; expected at most ${MAX_BYTES}`)
  }
  return { scopes: Array.isArray(scopes) ? scopes : undefined, members }
}

function checkSuitEachOther(table: OptionReader, names: readonly string[]): void {
  const hasTypes = names.includes('response_types_supported')
  if (!hasTypes || names.includes('authorization_endpoint')) return
  const text = 'it describes an authorization endpoint; set `authorization_endpoint` as well, or remove it'
  table.note('conflict', 'response_types_supported', text)
}

/** A copy; undefined for one that is refused. */
function readMember(table: OptionReader, name: string): unknown {
  const value = table.value(name) ?? undefined
  if (!isNameUsable(table, name) || value === undefined) return undefined // Without a value it is a problem already.
  const expected = expectedOf(name, value)
  const copy = expected === undefined ? copyOfJson(value, 1) : undefined
  if (copy === undefined) {
    table.problem(
      name,
      expected ?? `JSON of at most ${MAX_DEPTH} levels`,
      typeof value === 'string' ? undefined : describeType(value),
    )
  }
  return copy
}

function noteOwn(table: OptionReader, name: string): void {
  table.note('conflict', name, 'the exchange publishes this member itself; remove it')
}

/** Notes a problem unless a member may have this name. */
function isNameUsable(table: OptionReader, name: string): boolean {
  const inSnakeCase = name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  if (OWN_MEMBERS.includes(name)) {
    noteOwn(table, name)
  } else if (name === 'signed_metadata') {
    table.note('conflict', name, 'it would override what the exchange publishes (RFC 8414 §2.1); remove it')
  } else if (Object.hasOwn(OPTIONS_OF_TOP, name)) {
    const meant = option(`.${OPTIONS_OF_TOP[name]}`)
    table.note('unknown_option', name, `it is not a member of the metadata; set the top-level ${meant} instead`)
  } else if (!MEMBER_NAME.test(name)) {
    if (MEMBER_NAME.test(inSnakeCase)) table.suggest(name, inSnakeCase)
    else table.note('invalid', name, 'the name cannot be used; write it in snake_case, as in RFC 8414 §2')
  } else return true
  return false
}

/** What a value must be, if it is something else. */
function expectedOf(name: string, value: unknown): string | undefined {
  if (name === 'scopes_supported') {
    return areStrings(value, isScopeToken) ? undefined : 'an array of scope tokens (RFC 6749 §3.3)'
  }
  if (Array.isArray(value) && value.length === 0) return 'a value that is not empty (RFC 8414 §3.2), or no such member'
  if (name === 'response_types_supported') {
    return areStrings(value, (type) => type !== '') ? undefined : 'an array of response types'
  }
  const isEndpoint = name.endsWith('_endpoint')
  const isUrl = typeof value === 'string' && isSecureUrl(value)
  return isEndpoint && !isUrl ? 'an https URL without fragment (http only on loopback)' : undefined
}

function areStrings(value: unknown, accept: (text: string) => boolean): boolean {
  return Array.isArray(value) && Array.from(value).every((text) => typeof text === 'string' && accept(text))
}

/** A copy; undefined for what is not JSON, would lose something in it, or nests too deep. */
function copyOfJson(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (depth > MAX_DEPTH) return undefined
  if (Array.isArray(value)) {
    const copies = Array.from(value, (member) => copyOfJson(member, depth + 1))
    return copies.includes(undefined) ? undefined : copies
  }
  if (!isPlainObject(value)) return undefined
  const entries = Object.entries(value).map(([name, member]) => [name, copyOfJson(member, depth + 1)] as const)
  return entries.some(([, copy]) => copy === undefined) ? undefined : Object.fromEntries(entries)
}
