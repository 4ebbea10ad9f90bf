import type { JWK } from 'jose'
import { fieldOf } from '../errors/field-of.js'
import { readPemBlocks } from '../jwt/pem.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import {
  generateSigningKey,
  readSigningKey,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningKey,
} from '../signing-keys/signing-key.js'
import { isActiveSigningKey, SigningKeys } from '../signing-keys/signing-keys.js'

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
  /** The `aud`: the resource server, usually the URL of this API. A token for another audience is not accepted. */
  audience: string | readonly string[]
  /** Seconds, 1 to 86 400. Default: 3600. */
  lifetime?: number
  /**
   * Private keys as JWKs, a JWK set, or PEM. The first one signs; the others are retired: published and accepted still,
   * and may be public only. Default: one is generated for this process, with the event `signing_key.generated`; its
   * tokens end with the process and no other process accepts them.
   */
  signingKeys?: readonly (JWK | string)[] | { keys: readonly JWK[] } | string
  /**
   * Must suit the first key; the others keep the `alg` of their JWK, or in PEM what suits them. Default: the `alg` of that key, or what
   * suits it: ES256, RS256 or EdDSA.
   */
  algorithm?: SigningAlgorithm
  /**
   * Bytes for tokens that were accepted twice, so that they need not be verified again, 0 to 1 073 741 824; 0: none is remembered.
   * Expiry and the signing key are checked at each use. Default: 10 485 760, for about 3000 tokens of 450 characters.
   */
  cacheSizeBytes?: number
}

export interface AccessTokenSettings {
  audiences: ReadonlySet<string>
  lifetime: number
  signingKeys: SigningKeys
  cacheSizeBytes: number
  /** Whether the key was generated, for want of one. */
  isKeyGenerated: boolean
}

export function checkAccessTokenOptions(reader: OptionReader): AccessTokenSettings {
  const signingKeys = readSigningKeys(reader)
  const settings = {
    audiences: readAudiences(reader),
    lifetime: reader.integer('lifetime', { min: 1, max: 86_400, default: 3600, unit: 'seconds' }),
    signingKeys,
    cacheSizeBytes: reader.integer('cacheSizeBytes', { min: 0, max: 2 ** 30, default: 10_485_760, unit: 'bytes' }),
    isKeyGenerated: !reader.has('signingKeys'),
  }
  if (settings.audiences.size === 0) reader.problem('audience', 'at least one audience')
  reader.refuseUnknown()
  return settings
}

function readAudiences(reader: OptionReader): ReadonlySet<string> {
  if (Array.isArray(reader.value('audience'))) return new Set(reader.strings('audience', 'non-empty strings'))
  return new Set([reader.string('audience', 'a non-empty string or an array of them')])
}

function readSigningKeys(reader: OptionReader): SigningKeys {
  const algorithm = reader.has('algorithm') ? reader.oneOf('algorithm', SIGNING_ALGORITHMS, 'ES256') : undefined
  const sources = sourcesOf(reader.value('signingKeys')) ?? [generateSigningKey(algorithm)]
  const [first, ...retired] = sources.map((source, index) =>
    readKey(reader, source, index, index === 0 ? algorithm : undefined),
  )
  const keys = [first, ...retired].filter((key) => key !== undefined)
  if (new Set(keys.map(({ kid }) => kid)).size < keys.length) {
    reader.problem('signingKeys', 'keys with different kids', 'one kid twice')
  }
  if (first !== undefined && isActiveSigningKey(first)) {
    if (algorithm !== undefined && first.algorithm !== algorithm) {
      reader.problem('algorithm', `the algorithm of the first signing key: "${first.algorithm}"`)
    }
    return new SigningKeys(
      first,
      retired.filter((key) => key !== undefined),
    )
  }
  if (first !== undefined || sources.length === 0) {
    reader.problem('signingKeys', 'a private key in first place', first === undefined ? 'no key' : 'a public key')
  }
  return fallbackSigningKeys()
}

/** Stands in after a problem was noted; never reaches a running exchange. */
function fallbackSigningKeys(): SigningKeys {
  const key = readSigningKey(generateSigningKey(), 'ES256')
  if (!isActiveSigningKey(key)) throw new TypeError('a generated key is private')
  return new SigningKeys(key, [])
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
    const wanted = 'P-256, Ed25519 or RSA (2048 bits or more) keys as JWK or PEM'
    reader.problem('signingKeys', wanted, `at position ${index + 1} ${fieldOf(error, 'message')}`)
    return undefined
  }
}

/** PEM text may hold several keys, and the parameters of one (SEC 1), which are in the key as well. */
function separateKeys(source: unknown): unknown[] {
  const blocks = typeof source === 'string' ? readPemBlocks(source) : undefined
  if (blocks === undefined) return [source]
  return blocks.filter(({ label }) => label !== 'EC PARAMETERS').map(({ text }) => text)
}

function sourcesOf(signingKeys: unknown): readonly unknown[] | undefined {
  if (signingKeys === undefined) return undefined
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
