import { ASYMMETRIC_ALGORITHMS, type AsymmetricAlgorithm, isAsymmetricAlgorithm } from '../jwt/algorithms.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import type { RegistrationCondition } from './registration.js'

/**
 * Limits of assertions. Set them for all identity providers under `assertion`, or for one identity provider in its entry.
 *
 * @example
 * const assertion: AssertionOptions = { maxAge: 300, clockTolerance: 10, algorithms: ['ES256'] }
 */
export interface AssertionOptions {
  /** By how much clocks may differ, in seconds, 0 to 600; always in the assertion's favour. Default: 60. */
  clockTolerance?: number
  /** The greatest age since `iat`, in seconds, 1 to 31 536 000. Default: 1800, for assertions that have `iat`; see `requireIat`. */
  maxAge?: number
  /**
   * Whether an assertion must have `iat`. Without `iat`, its age is unknown (RFC 7523 §3, 6). Default: true if `maxAge` is
   * set in the same place, otherwise the value of `assertion.requireIat`, otherwise false.
   */
  requireIat?: boolean
  /**
   * Whether an assertion must have `jti`. Without `jti`, a second use is recognised by the payload. Default: the value of
   * `assertion.requireJti`, otherwise false.
   */
  requireJti?: boolean
  /**
   * Whether `aud` must be exactly one value: a string, or an array of one. An assertion that also names other recipients can be
   * used by each of them here (RFC 8725 §3.9). Default: the value of `assertion.soleAudience`, otherwise false.
   */
  soleAudience?: boolean
  /** Seconds until `exp`, 1 to 31 536 000. It limits how long the replay store remembers an assertion. Default: 86 400. */
  maxLifetime?: number
  /** The longest assertion in bytes, 256 to 1 048 576. Default: 32 768. */
  maxBytes?: number
  /** `once`: an assertion is accepted once. `allow`: it is accepted any number of times until it expires. Default: `once`. */
  replay?: 'once' | 'allow'
  /** The accepted signature algorithms, asymmetric ones only. Default: all of them. */
  algorithms?: readonly AsymmetricAlgorithm[]
}

export interface AssertionLimits extends Omit<Required<AssertionOptions>, 'algorithms'> {
  algorithms: ReadonlySet<string>
  /** Seconds. Used assertions are remembered for this tolerance, if it is more than `clockTolerance`. */
  rememberedTolerance?: number
  /** Whether a use counts for all entries of the issuer: an entry that is looked up can change its condition at any time. */
  isUsedForIssuer?: boolean
  /** Present after a change of the options that divided or merged the entries of an issuer. */
  former?: readonly FormerRegistration[]
}

/** What an entry accepted that is no longer registered: assertions that it accepted are remembered as used by it. */
export interface FormerRegistration {
  registration: RegistrationCondition | undefined
  /** Seconds since the epoch: it accepted no assertion that expires later. */
  until: number
}

export const DEFAULT_LIMITS: AssertionLimits = {
  clockTolerance: 60,
  maxAge: 1800,
  requireIat: false,
  requireJti: false,
  soleAudience: false,
  maxLifetime: 86_400,
  maxBytes: 32_768,
  replay: 'once',
  algorithms: new Set(ASYMMETRIC_ALGORITHMS),
}
/** A list of all names would be longer than a sentence. */
const ALGORITHM = 'an asymmetric algorithm, such as RS256, PS256, ES256 or EdDSA'
const A_YEAR = 31_536_000

/** Limits that are not set come from `defaults`. */
export function readAssertionLimits(reader: OptionReader, defaults = DEFAULT_LIMITS): AssertionLimits {
  return { ...readTokenLimits(reader, defaults), replay: reader.oneOf('replay', ['once', 'allow'], defaults.replay) }
}

/** The same for tokens of which each may be used many times. */
export function readTokenLimits(reader: OptionReader, defaults: AssertionLimits): Omit<AssertionLimits, 'replay'> {
  const integer = (
    key: 'clockTolerance' | 'maxAge' | 'maxLifetime' | 'maxBytes',
    unit: string,
    min: number,
    max: number,
  ) => reader.integer(key, { min, max, unit, default: defaults[key] })
  return {
    clockTolerance: integer('clockTolerance', 'seconds', 0, 600),
    maxAge: integer('maxAge', 'seconds', 1, A_YEAR),
    requireIat: reader.boolean('requireIat', reader.isNamed('maxAge') || defaults.requireIat),
    requireJti: reader.boolean('requireJti', defaults.requireJti),
    soleAudience: reader.boolean('soleAudience', defaults.soleAudience),
    maxLifetime: integer('maxLifetime', 'seconds', 1, A_YEAR),
    maxBytes: integer('maxBytes', 'bytes', 256, 1_048_576),
    algorithms: readAlgorithms(reader) ?? defaults.algorithms,
  }
}

export function readAssertionOptions(reader: OptionReader): AssertionLimits {
  const limits = readAssertionLimits(reader)
  reader.refuseUnknown()
  return limits
}

function readAlgorithms(reader: OptionReader): ReadonlySet<string> | undefined {
  const algorithms = reader.someStrings('algorithms', ALGORITHM, isAsymmetricAlgorithm)
  return algorithms && new Set(algorithms)
}
