import type { JWK } from 'jose'
import { fieldOf } from '../errors/field-of.js'
import { parsePemBlocks } from '../jwt/pem.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import {
  generateSigningKey,
  isActiveSigningKey,
  readSigningKey,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningKey,
  SigningKeys,
} from '../signing-keys/signing-keys.js'
import { type Resource, Resources } from './resources.js'

/**
 * The access tokens that are issued and accepted (RFC 9068).
 *
 * @example
 * const accessToken: AccessTokenOptions = {
 *   audience: 'https://api.example.com',
 *   lifetime: 600,
 *   signingKeys: process.env.SIGNING_KEYS ?? '', // a JWK set or PEM
 * }
 */
export interface AccessTokenOptions {
  /**
   * The `aud`: the resource server, usually the URL of this API. A token for another audience is not accepted. Required without
   * `resources`. With it, the identifiers of the default resources: what a request without `resource` is for. Default: the only
   * one of `resources`; with several, a request must name its `resource`.
   */
  audience?: string | readonly string[]
  /** How long a token is valid, in seconds, 1 to 86 400. Default: 3600. */
  lifetime?: number
  /**
   * Private keys as JWKs, a JWK set, or PEM. The first key signs. The others are retired: they are still published and
   * accepted, and may be public keys. Default: a key is generated for this process, and the event `signing_key.generated` is
   * emitted. Its tokens become invalid when the process ends, and no other process accepts them.
   */
  signingKeys?: readonly (JWK | string)[] | { keys: readonly JWK[] } | string
  /**
   * The signature algorithm, which must suit the first key. Retired keys keep the `alg` of their JWK, or the one that suits
   * them. Default: the `alg` of the first key, or the one that suits it: ES256, RS256 or EdDSA.
   */
  algorithm?: SigningAlgorithm
  /**
   * Size of the cache for verified tokens, in bytes, 0 to 1 073 741 824; 0 turns it off. A token is cached when it is accepted
   * for the second time. Expiry and the signing key are checked at each use. Default: 10 485 760, for about 3000 tokens of 450
   * characters.
   */
  cacheSizeBytes?: number
}

export interface AccessTokenSettings {
  /** The identifiers of all resources. */
  audiences: ReadonlySet<string>
  resources: Resources
  lifetime: number
  /** undefined: one is to be generated for this process. */
  signingKeys: SigningKeys | undefined
  /** Of a key that is to be generated. */
  algorithm: SigningAlgorithm
  cacheSizeBytes: number
}

export interface CompleteAccessTokenSettings extends AccessTokenSettings {
  signingKeys: SigningKeys
  isKeyGenerated: boolean
}

/** @param configured those of the option `resources`; undefined without it */
export function readAccessTokenOptions(
  reader: OptionReader,
  configured?: readonly Resource[] | undefined,
): AccessTokenSettings {
  const resources = readAudience(reader, configured)
  const algorithm = reader.has('algorithm') ? reader.oneOf('algorithm', SIGNING_ALGORITHMS, 'ES256') : undefined
  const settings = {
    audiences: resources.identifiers,
    resources,
    lifetime: reader.integer('lifetime', { min: 1, max: 86_400, default: 3600, unit: 'seconds' }),
    signingKeys: readSigningKeys(reader, algorithm),
    algorithm: algorithm ?? 'ES256',
    cacheSizeBytes: reader.integer('cacheSizeBytes', { min: 0, max: 2 ** 30, default: 10_485_760, unit: 'bytes' }),
  }
  reader.refuseUnknown()
  return settings
}

/** With a new signing key for this process if none are configured. */
export function withSigningKeys(settings: AccessTokenSettings): CompleteAccessTokenSettings {
  const { signingKeys, algorithm } = settings
  if (signingKeys !== undefined) return { ...settings, signingKeys, isKeyGenerated: false }
  const key = readSigningKey(generateSigningKey(algorithm), algorithm)
  if (!isActiveSigningKey(key)) throw new TypeError('a generated key is private')
  return { ...settings, signingKeys: new SigningKeys(key, []), isKeyGenerated: true }
}

function readAudience(reader: OptionReader, configured: readonly Resource[] | undefined): Resources {
  if (configured === undefined) return Resources.ofAudiences(readAudiences(reader, 'a non-empty string', () => true))
  const identifiers = configured.map(({ identifier }) => identifier)
  if (!reader.isNamed('audience')) return Resources.configured(configured, identifiers.length === 1 ? identifiers : [])
  // An empty one stands for an identifier that cannot be used, which is a problem of its own.
  const isIdentifier = (text: string) => identifiers.includes(text) || identifiers.includes('')
  const expected = `the identifier of one of ${option('.resources')}`
  return Resources.configured(configured, readAudiences(reader, expected, isIdentifier))
}

/** @param each what each must be */
function readAudiences(reader: OptionReader, each: string, accept: (text: string) => boolean): ReadonlySet<string> {
  const value = reader.value('audience')
  if (!Array.isArray(value)) return new Set([reader.string('audience', `${each} or an array of them`, accept)])
  if (value.length === 0) reader.problem('audience', 'at least one audience', 'an empty array', 'out_of_bounds')
  return new Set(reader.strings('audience', each, (text) => text !== '' && accept(text)))
}

/** undefined if none are configured, or after noting what is wrong with them. */
function readSigningKeys(reader: OptionReader, algorithm: SigningAlgorithm | undefined): SigningKeys | undefined {
  const value = reader.value('signingKeys')
  if (value === undefined) return undefined
  const sources = sourcesOf(value)
  const [first, ...retired] = sources.map((source, index) =>
    readKey(reader, source, index, index === 0 ? algorithm : undefined),
  )
  if (sources.length === 0) reader.problem('signingKeys', 'at least one key', 'an empty list', 'out_of_bounds')
  const keys = [first, ...retired].filter((key) => key !== undefined)
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) {
    reader.note('not_unique', 'signingKeys', 'two keys have the same kid; give each key its own kid')
  }
  if (first === undefined) return undefined
  if (!isActiveSigningKey(first)) {
    reader.note('invalid', 'signingKeys', 'key 1 is public; put a private key first, because the first key signs')
    return undefined
  }
  if (algorithm !== undefined && first.algorithm !== algorithm) {
    reader.problem('algorithm', `"${first.algorithm}", the algorithm of the first signing key`, undefined, 'conflict')
  }
  return new SigningKeys(
    first,
    retired.filter((key) => key !== undefined),
  )
}

function readKey(
  reader: OptionReader,
  source: unknown,
  index: number,
  algorithm: SigningAlgorithm | undefined,
): SigningKey | undefined {
  try {
    return readSigningKey(source, algorithm)
  } catch (error) {
    reader.note('invalid', 'signingKeys', `key ${index + 1}: ${fieldOf(error, 'message')}`)
    return undefined
  }
}

/** PEM text may hold several keys, and the parameters of one (SEC 1), which are in the key as well. */
function separateKeys(source: unknown): unknown[] {
  const blocks = typeof source === 'string' ? parsePemBlocks(source) : undefined
  if (blocks === undefined) return [source]
  return blocks.filter(({ label }) => label !== 'EC PARAMETERS').map(({ text }) => text)
}

function sourcesOf(signingKeys: unknown): readonly unknown[] {
  if (
    typeof signingKeys === 'object' &&
    signingKeys !== null &&
    Object.hasOwn(signingKeys, 'keys') &&
    'keys' in signingKeys &&
    Array.isArray(signingKeys.keys)
  ) {
    return signingKeys.keys
  }
  return (Array.isArray(signingKeys) ? signingKeys : [signingKeys]).flatMap(separateKeys)
}
