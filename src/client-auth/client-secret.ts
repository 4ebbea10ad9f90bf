import { ConfigError } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { digestSecret } from './client-options.js'

/** UTF-16 units. A secret that is guessed is the client. */
const MIN_SECRET_LENGTH = 16
const SECRET_HASH = /^sha256:(?:([0-9A-Fa-f]{64})|([A-Za-z0-9_-]{43}))$/
/** Written for a value that was to be put in its place: `$NAME`, `${NAME}`, `{{ name }}`, `<NAME>`, `%NAME%`. */
const PLACEHOLDER = /^(?:\$[A-Z_][A-Z0-9_]*|\$\{[^}]*\}|\{\{.*\}\}|<[A-Za-z_ -]+>|%[A-Z_][A-Z0-9_]*%)$/
/** What programs write for a value that is not there. */
const NOTHINGS = [
  'undefined',
  'null',
  'NaN',
  '[object Object]',
  '[object Promise]',
  'None',
  'nil',
  '<nil>',
  '<no value>',
]
const IS_NOTHING = /^(?:undefined|null|NaN|None|nil|<nil>|<no value>|\[object \w+\]|\s)+$/i
const IS_ONE_CHARACTER = /^(.)\1*$/su
const WANTED = `a random string of at least ${MIN_SECRET_LENGTH} characters, such as the output of: openssl rand -hex 32`

/** What is wrong with a secret, without anything of it. */
interface SecretFault {
  found: string
  wanted: string
}

/**
 * Returns the `clientSecretHash` to store instead of a secret.
 *
 * @example
 * const clientSecretHash = hashClientSecret(randomBytes(32).toString('hex'))
 *
 * @throws ConfigError if the value cannot be a `clientSecret`, for example because a variable is not set
 */
export function hashClientSecret(secret: string): string {
  const fault = typeof secret === 'string' ? findSecretFault(secret) : { found: 'no secret', wanted: WANTED }
  if (fault !== undefined) throw new ConfigError([{ path: ['secret'], ...fault }])
  return hashOf(secret)
}

/** The digest of the secret, or of what its hash says. */
export function readSecretDigest(reader: OptionReader): Buffer {
  if (reader.has('clientSecret') && reader.has('clientSecretHash')) {
    reader.problem('clientSecretHash', 'either clientSecret or clientSecretHash', 'both')
  }
  return reader.has('clientSecretHash') ? readHash(reader) : digestSecret(readSecret(reader))
}

function readSecret(reader: OptionReader): string {
  const secret = reader.secret('clientSecret')
  const fault = secret === '' ? undefined : findSecretFault(secret) // An empty one is a problem of the reader already.
  if (fault !== undefined) reader.problem('clientSecret', fault.wanted, fault.found)
  return secret
}

function readHash(reader: OptionReader): Buffer {
  const written = reader.secret('clientSecretHash')
  const [, hex, base64url] = SECRET_HASH.exec(written) ?? []
  const digest = hex === undefined ? Buffer.from(base64url ?? '', 'base64url') : Buffer.from(hex, 'hex')
  if (digest.length === 0) {
    const found = /[\r\n]$/.test(written) ? 'text that ends in a line break' : 'something else'
    if (written !== '') reader.problem('clientSecretHash', '"sha256:" and 64 hex or 43 base64url characters', found)
    return digest
  }
  const nothing = ['', ...NOTHINGS].find((each) => digest.equals(digestSecret(each)))
  if (nothing !== undefined) {
    const found = nothing === '' ? 'the hash of an empty string' : `the hash of "${nothing}"`
    reader.problem('clientSecretHash', 'the hash of a secret; is an environment variable unset?', found)
  }
  return digest
}

/** A placeholder is known to everybody, so it is not a secret. */
function findSecretFault(secret: string): SecretFault | undefined {
  if (secret === '' || IS_NOTHING.test(secret)) {
    return {
      found: 'a placeholder for a missing value, such as "undefined"',
      wanted: `${WANTED}; is a variable unset?`,
    }
  }
  if (PLACEHOLDER.test(secret)) return { found: 'the name of a variable', wanted: 'the secret itself' }
  if (SECRET_HASH.test(secret))
    return { found: 'a hash, which belongs in clientSecretHash', wanted: 'the secret itself' }
  if (/[\r\n]$/.test(secret)) {
    const wanted =
      'the secret alone, stored with printf or echo -n: echo adds a line break, and a Kubernetes Secret keeps it'
    return { found: 'a secret that ends in a line break', wanted }
  }
  if (secret !== secret.trim()) return { found: 'a secret with white space around it', wanted: 'the secret alone' }
  if (secret.length < MIN_SECRET_LENGTH) return { found: `a secret of ${secret.length} characters`, wanted: WANTED }
  return IS_ONE_CHARACTER.test(secret) ? { found: 'one character, repeated', wanted: WANTED } : undefined
}

function hashOf(secret: string): string {
  return `sha256:${digestSecret(secret).toString('base64url')}`
}
