import { hash } from 'node:crypto'
import { ConfigError, option } from '../option-checks/config-error.js'
import { describeType } from '../option-checks/describe-value.js'
import { IS_SET } from '../option-checks/findings.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/** UTF-16 units. Whoever guesses a secret can act as the client. */
const MIN_SECRET_LENGTH = 16
const SECRET_HASH = /^sha256:(?:([0-9A-Fa-f]{64})|([A-Za-z0-9_-]{43}))$/
/** A placeholder that was never replaced by its value: `$NAME`, `${NAME}`, `{{ name }}`, `<NAME>`, `%NAME%`. */
const PLACEHOLDER = /^(?:\$[A-Z_][A-Z0-9_]*|\$\{[^}]*\}|\{\{.*\}\}|<[A-Za-z_ -]+>|%[A-Z_][A-Z0-9_]*%)$/
/** What programs write for a missing value. */
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
const SECRET = `a random string of at least ${MIN_SECRET_LENGTH} characters, such as the output of: openssl rand -hex 32`

/**
 * Returns the `clientSecretHash` to store instead of a secret.
 *
 * @example
 * const clientSecretHash = hashClientSecret(randomBytes(32).toString('hex'))
 *
 * @throws ConfigError if the value cannot be a `clientSecret`, for example because a variable is not set
 */
export function hashClientSecret(secret: string): string {
  const isText = typeof secret === 'string'
  const message = isText ? findSecretFault(secret) : `got ${describeType(secret)}; expected ${SECRET}${IS_SET}`
  if (message !== undefined) {
    const code = isText ? 'invalid' : 'wrong_type'
    throw new ConfigError([{ code, path: ['hashClientSecret', 'secret'], message }])
  }
  return hashOf(secret)
}

/** The digest of the secret, or of what its hash says. */
export function readSecretDigest(reader: OptionReader): Buffer {
  return reader.has('clientSecretHash') ? readHash(reader) : digestSecret(readSecret(reader))
}

function readSecret(reader: OptionReader): string {
  const secret = reader.secret('clientSecret')
  const fault = secret === '' ? undefined : findSecretFault(secret) // An empty one is a problem of the reader already.
  if (fault !== undefined) reader.note('invalid', 'clientSecret', fault)
  return secret
}

function readHash(reader: OptionReader): Buffer {
  const written = reader.secret('clientSecretHash')
  const [, hex, base64url] = SECRET_HASH.exec(written) ?? []
  const digest = hex === undefined ? Buffer.from(base64url ?? '', 'base64url') : Buffer.from(hex, 'hex')
  if (digest.length === 0) {
    const got = /[\r\n]$/.test(written) ? 'text that ends in a line break' : 'something else'
    if (written !== '') reader.problem('clientSecretHash', '"sha256:" and 64 hex or 43 base64url characters', got)
    return digest
  }
  const nothing = ['', ...NOTHINGS].find((each) => digest.equals(digestSecret(each)))
  if (nothing !== undefined) {
    const got = nothing === '' ? 'the hash of an empty string' : `the hash of "${nothing}"`
    reader.problem('clientSecretHash', `the hash of a secret${IS_SET}`, got)
  }
  return digest
}

/** What is wrong with a secret and what to do. Quotes nothing of it, except a placeholder, which everybody knows. */
function findSecretFault(secret: string): string | undefined {
  if (secret === '' || IS_NOTHING.test(secret)) {
    return `got a placeholder for a missing value, such as "undefined"; expected ${SECRET}${IS_SET}`
  }
  if (PLACEHOLDER.test(secret)) return 'got the name of a variable; expected the secret itself'
  if (SECRET_HASH.test(secret)) return `got a hash; put it in ${option('clientSecretHash')}`
  if (/[\r\n]$/.test(secret)) {
    return 'the secret ends in a line break; store it with printf or echo -n, because echo adds one and a Kubernetes Secret keeps it'
  }
  if (secret !== secret.trim()) return 'the secret has white space around it; remove that'
  if (secret.length < MIN_SECRET_LENGTH) return `got a secret of ${secret.length} characters; expected ${SECRET}`
  return IS_ONE_CHARACTER.test(secret) ? `got one character, repeated; expected ${SECRET}` : undefined
}

function hashOf(secret: string): string {
  return `sha256:${digestSecret(secret).toString('base64url')}`
}

export function digestSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}
