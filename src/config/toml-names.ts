import { formatPath, type OptionNotation, type OptionPath } from '../option-checks/config-error.js'
import { tableName } from '../option-checks/unknown-option.js'
import type { TomlPath } from './toml-location.js'

/** The tables and keys at the top of the file, and the options that they are; the others are the same in snake_case. */
const TOP_LEVEL: Readonly<Record<string, string>> = {
  issuer: 'issuer',
  token_endpoint: 'tokenEndpoint',
  mtls_token_endpoint: 'mtlsTokenEndpoint',
  require_https: 'requireHttps',
  openid_configuration: 'openidConfiguration',
  introspection: 'introspection',
  metadata: 'metadata',
  resource: 'resources',
  subject: 'subject',
  'oauth.jwks_endpoint': 'jwksEndpoint',
  assertion: 'assertion',
  access_token: 'accessToken',
  identity_provider: 'identityProviders',
  client: 'clients',
  client_authentication: 'clientAuthentication',
  client_certificate: 'clientCertificate',
  assertion_strategy: 'assertionStrategy',
  implied_scopes: 'impliedScopes',
  refusals: 'refusals',
  replay: 'replay',
  revocation: 'revocation',
  host_functions: 'hostFunctions',
  identity_provider_lookup: 'identityProviderLookup',
}
/** Tables within these tables that are one member of an array, like `[[client]]`: their names, and the options. */
const SINGULAR: Readonly<Record<string, string>> = { 'identityProviders.binding': 'identityProviders.bindings' }
/** Options whose members are not options: somebody else names them, so their names stay as they are written. */
const FREE_NAMES = [
  'metadata',
  'impliedScopes',
  'identityProviders.headers',
  'identityProviders.requiredClaims',
  'identityProviders.bindings.when',
  'identityProviders.groupsToScopes',
  'identityProviders.claimsToToken',
  'identityProviders.accessTokens.requiredClaims',
  'identityProviders.accessTokens.groupsToScopes',
]
/** Keys of an identity provider by what they hold: `ca` holds either. */
const OF_LISTS = [
  ...['allowed_subjects', 'scopes', 'audiences', 'types', 'algorithms', 'certificates', 'ca', 'key_uses', 'tenants'],
]
const OF_TEXTS = [
  ...['profile', 'alias', 'replay', 'subject', 'network', 'proxy', 'bearer_token_file'],
  ...['discovery', 'jwks_uri', 'ca', 'jwks', 'groups_claim', 'scope_claim', 'client_authentication', 'tenants'],
]
const OF_OTHERS = [
  'enabled',
  'allow_insecure_http',
  'single_as_array',
  'x5c_only_keys',
  'lifetime',
  'max_beyond_assertion',
  'clock_tolerance',
  'max_age',
  'require_iat',
  'require_jti',
  'sole_audience',
  'max_lifetime',
  'max_bytes',
]
const TABLES = ['required_claims', 'groups_to_scopes', 'claims_to_token', 'headers', 'registration', 'access_tokens']
export const OF_IDENTITY_PROVIDER = [...OF_LISTS, ...OF_TEXTS, ...OF_OTHERS, ...TABLES]
/**
 * Keys of an identity provider that would be lost in a table with free names, where they stand below its header: of those
 * that it would take for its own. A claim `name` may be meant. In a table of conditions they fail every assertion.
 */
const LOST_WITHIN: Readonly<Record<string, readonly string[]>> = {
  'identityProviders.headers': [...OF_IDENTITY_PROVIDER, 'id', 'name'],
  'identityProviders.claimsToToken': OF_IDENTITY_PROVIDER,
  'identityProviders.groupsToScopes': OF_LISTS,
}
export const OF_BINDING = ['name', 'clients', 'scopes', 'resources', 'lifetime']
const SNAKE_CASE = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/

/** Options that are `[[tables]]`. */
const LISTS_OF_TABLES = ['clients', 'identityProviders', 'identityProviders.bindings', 'resources']
/** Options that are one `[table]`. */
const SINGLE_TABLES = [
  ...['jwksEndpoint', 'assertion', 'accessToken', 'clientAuthentication', 'assertionStrategy', 'replay', 'revocation'],
  ...['refusals', 'impliedScopes', 'hostFunctions', 'metadata', 'identityProviderLookup'],
  ...['clientCertificate', 'clients.certificate', 'identityProviders.accessTokens'],
]

/** Options that only code can set. */
const OF_CODE = [
  'findClient',
  'identityProviderStore',
  'findIdentityProvider',
  'grants',
  'clock',
  'identityProviders.check',
  'identityProviders.accessTokens.check',
  ...['identityProviders.agent', 'identityProviders.lookup'],
  ...['identityProviders.introspection.agent', 'identityProviders.introspection.lookup'],
]

/** Options in which a `*` stands for any text, with all that is within them. */
const OF_PATTERNS = [
  'identityProviders.allowedSubjects',
  'identityProviders.requiredClaims',
  'identityProviders.bindings.when',
  'identityProviders.accessTokens.allowedSubjects',
  'identityProviders.accessTokens.requiredClaims',
]
/** Members of conditions that are compared exactly, or not at all. */
const OF_PLAIN_TEXT = ['hasWord', 'message']

/** The names at the top of the file, with dots between the parts of a table's name. */
export const TOP_LEVEL_NAMES = Object.keys(TOP_LEVEL)

export function topLevelOption(name: string): string | undefined {
  return Object.hasOwn(TOP_LEVEL, name) ? TOP_LEVEL[name] : undefined
}

export function isTopLevelOption(option: string): boolean {
  return Object.values(TOP_LEVEL).includes(option)
}

/**
 * `read_timeout` → `readTimeout`; undefined where the key is not in snake_case, or the plural of one that is singular.
 *
 * @param parent the option that it is a member of, named like `identityProviders.headers`
 */
export function optionName(key: string, parent: string): string | undefined {
  const place = `${parent}.${key}`
  const plural = Object.hasOwn(SINGULAR, place) ? SINGULAR[place] : undefined
  if (plural !== undefined) return plural.slice(parent.length + 1)
  if (Object.values(SINGULAR).includes(`${parent}.${key}`)) return undefined
  return SNAKE_CASE.test(key) ? key.replace(/_([a-z0-9])/g, (_, next: string) => next.toUpperCase()) : undefined
}

/** `readTimeout` → `read_timeout`. */
function tomlName(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The same for a member of an option: `bindings` in `identityProviders` → `binding`. */
export function tomlNameWithin(parent: string, option: string): string {
  const singular = Object.keys(SINGULAR).find((name) => SINGULAR[name] === `${parent}.${option}`)
  return singular?.slice(parent.length + 1) ?? tomlName(option)
}

export function isListOfTables(option: string): boolean {
  return LISTS_OF_TABLES.includes(option)
}

export function isOfCode(option: string): boolean {
  return OF_CODE.includes(option)
}

/** Whether a `*` in the value of an option is a pattern. */
export function mayHoldPattern(path: OptionPath): boolean {
  const option = tableName(path)
  const isPlain = path.some((step) => OF_PLAIN_TEXT.includes(String(step)))
  return !isPlain && OF_PATTERNS.some((each) => option === each || option.startsWith(`${each}.`))
}

/** How a file writes options: in snake_case, and tables with their header. */
export const IN_FILE: OptionNotation = {
  path: tomlPath,
  name: (table, name) => String(table.length === 0 ? tomlPath([name]).join('.') : tomlPath([...table, name]).at(-1)),
  option: (table, name, value, isFar) => {
    if (isOfCode(tableName([...table, name]))) return `\`${name}\` in code`
    const header = headerOf([...table, name])
    if (header !== undefined) return `\`${header}\``
    const written = isFar ? formatPath(tomlPath([...table, name])) : IN_FILE.name(table, name)
    return `\`${written}${value === undefined ? '' : ` = ${JSON.stringify(value)}`}\``
  },
  table: (table, name) => {
    const own = name === undefined ? undefined : headerOf([...table, name])
    if (own !== undefined) return `in a table of its own, \`${own}\``
    return table.length === 0 ? 'at the top of the file, above the first table' : `in \`${headerOf(table)}\``
  },
}

/** `[oauth.jwks_endpoint]`, `[[identity_provider]]`; undefined if the option is not a table. */
function headerOf(path: TomlPath): string | undefined {
  const option = tableName(path)
  const name = tableName(tomlPath(path))
  if (isListOfTables(option)) return `[[${name}]]`
  return SINGLE_TABLES.includes(option) ? `[${name}]` : undefined
}

/** Whether the members of an option, named like `identityProviders.headers`, stay as they are written. */
export function hasFreeNames(option: string): boolean {
  return FREE_NAMES.includes(option) || option.startsWith('metadata.')
}

/** Whether a key of a table with free names, named like `identityProviders.headers`, is meant to stand above that. */
export function isLostWithin(option: string, key: string): boolean {
  return Object.hasOwn(LOST_WITHIN, option) && LOST_WITHIN[option]?.includes(key) === true
}

/** Whether a key of a table of conditions is also an option of the table above it, or of the top. */
export function isOptionAmongClaims(option: string, key: string): boolean {
  if (option === 'identityProviders.bindings.when') return OF_BINDING.includes(key) || Object.hasOwn(TOP_LEVEL, key)
  const isOption = OF_IDENTITY_PROVIDER.includes(key) || key === 'name' || Object.hasOwn(TOP_LEVEL, key)
  return option === 'identityProviders.requiredClaims' && isOption
}

/** `['jwksEndpoint', 'readTimeout']` → `['oauth', 'jwks_endpoint', 'read_timeout']`. */
export function tomlPath([first, ...rest]: TomlPath): TomlPath {
  if (first === undefined) return []
  const top = TOP_LEVEL_NAMES.find((name) => TOP_LEVEL[name] === first) ?? tomlName(String(first))
  let option = String(first)
  const steps = rest.map((step) => {
    if (typeof step === 'number') return step
    const parent = option
    option = `${option}.${step}`
    return hasFreeNames(parent) ? step : tomlNameWithin(parent, step)
  })
  return [...top.split('.'), ...steps]
}
