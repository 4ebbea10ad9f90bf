import { JWT_BEARER_GRANT_TYPE } from '../oauth/names.js'
import { isScopeToken } from '../oauth/scope.js'
import { ConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { refuseRepeated } from '../option-checks/refuse-repeated.js'
import { type Client, digestSecret } from './client.js'

/** One client. It authenticates with its secret, by HTTP Basic or in the body (RFC 6749 §2.3.1). */
export interface ClientOptions {
  clientId: string
  /** The secret itself. Make it with at least 128 random bits: a guessed secret is the client. */
  clientSecret?: string
  /** Instead of the secret: `sha256:` and the SHA-256 of the secret in hex or base64url; see `hashClientSecret`. */
  clientSecretHash?: string
  /** The most that this client can obtain; what it gets when it asks for no scope. Default: none. */
  scopes?: readonly string[]
  /** Seconds, 1 to 86 400: the longest lifetime of access tokens that it obtains. Default: no bound of its own. */
  lifetime?: number
  /** The `name`s of the identity providers whose assertions it may exchange. Default: all. */
  identityProviders?: readonly string[]
  /** The grant types that it may use. Default: all. */
  grantTypes?: readonly string[]
}

/**
 * Looks a client up, instead of a fixed list: undefined where there is none. A rejection is answered with 503. It is
 * also called with the subject of each new access token, which must not be the id of a client.
 */
export type FindClientOptions = (clientId: string) => ClientOptions | undefined | Promise<ClientOptions | undefined>

const SECRET_HASH = /^sha256:(?:([0-9A-Fa-f]{64})|([A-Za-z0-9_-]{43}))$/
/** Written for a value that was to be put in its place: `$NAME`, `${NAME}`, `{{ name }}`, `<NAME>`, `%NAME%`. */
const PLACEHOLDER = /^(?:\$[A-Z_][A-Z0-9_]*|\$\{[^}]*\}|\{\{.*\}\}|<[A-Za-z_ -]+>|%[A-Z_][A-Z0-9_]*%)$/

/**
 * What to store as `clientSecretHash` instead of a secret.
 *
 * @throws ConfigError for an empty secret: an unset variable, most likely
 */
export function hashClientSecret(secret: string): string {
  if (typeof secret !== 'string' || secret === '') {
    throw new ConfigError([{ path: ['secret'], found: 'no secret', wanted: 'a non-empty string' }])
  }
  return `sha256:${digestSecret(secret).toString('base64url')}`
}

/** The entries of `clients`, each with another id, unless there is a `findClient`. */
export function checkClients(reader: OptionReader, identityProviders: ReadonlySet<string>): Client[] {
  if (reader.has('clients') === reader.has('findClient')) {
    const found = reader.has('clients') ? 'both' : 'neither'
    reader.problem('clients', 'either clients or a function that finds them', found)
  }
  const readers = reader.objects('clients')
  const clients = readers.map(checkClientOptions)
  refuseRepeated(
    readers,
    'clientId',
    clients.map(({ clientId }) => clientId),
  )
  for (const each of readers) each.refuseUndefined('identityProviders', 'grantTypes', 'lifetime')
  for (const [index, client] of clients.entries()) {
    const unknown = [...(client.identityProviders ?? [])].find((name) => !identityProviders.has(name))
    if (unknown === undefined) continue
    readers[index]?.problem('identityProviders', 'names of registered identity providers', JSON.stringify(unknown))
  }
  return clients
}

export function checkClientOptions(reader: OptionReader): Client {
  const identityProviders = reader.strings('identityProviders', 'names of identity providers')
  const grantTypes = reader.strings('grantTypes', `grant types, whole: ${JWT_BEARER_GRANT_TYPE}`, isWholeGrantType)
  const client = {
    clientId: reader.string('clientId', 'a non-empty string of printable ASCII (RFC 6749 §2.2)', isVisibleText),
    secretDigest: readSecretDigest(reader),
    scopes: [...new Set(reader.strings('scopes', 'scope tokens of RFC 6749 §3.3', isScopeToken))],
    lifetime: reader.optionalInteger('lifetime', { min: 1, max: 86_400, unit: 'seconds' }),
    identityProviders: identityProviders && new Set(identityProviders),
    grantTypes: grantTypes && new Set(grantTypes),
  }
  reader.refuseUnknown()
  return client
}

/**
 * What a `findClient` found, checked like a fixed client.
 *
 * @throws ConfigError
 */
export function readFoundClient(options: ClientOptions): Client {
  const reader = new OptionReader(options, ['findClient()'])
  const client = checkClientOptions(reader)
  reader.throwProblems()
  return client
}

function readSecretDigest(reader: OptionReader): Buffer {
  if (reader.has('clientSecret') && reader.has('clientSecretHash')) {
    reader.problem('clientSecretHash', 'either clientSecret or clientSecretHash', 'both')
  }
  if (!reader.has('clientSecretHash')) return digestSecret(readSecret(reader))
  const [, hex, base64url] = SECRET_HASH.exec(reader.secret('clientSecretHash')) ?? []
  const digest = hex === undefined ? Buffer.from(base64url ?? '', 'base64url') : Buffer.from(hex, 'hex')
  if (digest.length === 0) {
    reader.problem('clientSecretHash', '"sha256:" and 64 hex or 43 base64url characters', 'something else')
  } else if (digest.equals(digestSecret(''))) {
    reader.problem('clientSecretHash', 'the hash of a secret', 'the hash of an empty string')
  }
  return digest
}

/** What stands for a secret is known to everybody. */
function readSecret(reader: OptionReader): string {
  const secret = reader.secret('clientSecret')
  if (PLACEHOLDER.test(secret)) reader.problem('clientSecret', 'the secret itself', 'the name of a variable')
  if (SECRET_HASH.test(secret)) reader.problem('clientSecret', 'the secret itself', 'what belongs in clientSecretHash')
  return secret
}

/** Grant types of other servers are fine; the end of ours is a slip that would let the client get nothing. */
function isWholeGrantType(text: string): boolean {
  return text !== '' && (text === JWT_BEARER_GRANT_TYPE || !JWT_BEARER_GRANT_TYPE.endsWith(text))
}

/** RFC 6749 App. A.1: *VSCHAR. */
export function isVisibleText(text: string): boolean {
  return /^[\x20-\x7E]+$/.test(text)
}
