import { ASYMMETRIC_ALGORITHMS, type AsymmetricAlgorithm, isAsymmetricAlgorithm } from '../jwt/algorithms.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/**
 * What an assertion must satisfy. Set for all identity providers under `assertion`, or for one of them in its entry.
 *
 * @example
 * const assertion: AssertionOptions = { maxAge: 300, clockTolerance: 10, algorithms: ['ES256'] }
 */
export interface AssertionOptions {
  /** Seconds by which clocks may differ, 0 to 600; always in the assertion's favour. Default: 60. */
  clockTolerance?: number
  /** Seconds since `iat`, 1 to 31 536 000. Default: 1800, for assertions that have `iat`; see `requireIat`. */
  maxAge?: number
  /**
   * Whether an assertion must have `iat`. Without `iat`, its age is unknown (RFC 7523 §3, 6). Default: true if `maxAge` is
   * set in the same place, otherwise the value of `assertion.requireIat`, otherwise false.
   */
  requireIat?: boolean
  /** Seconds until `exp`, 1 to 31 536 000. It bounds how long the replay store remembers. Default: 86 400. */
  maxLifetime?: number
  /** The longest assertion in bytes, 256 to 1 048 576. Default: 32 768. */
  maxBytes?: number
  /** `once`: an assertion is accepted a single time, until it expires. `allow`: any number of times. Default: `once`. */
  replay?: 'once' | 'allow'
  /** The accepted signature algorithms, asymmetric ones only. Default: all of them. */
  algorithms?: readonly AsymmetricAlgorithm[]
}

export interface AssertionLimits extends Omit<Required<AssertionOptions>, 'algorithms'> {
  algorithms: ReadonlySet<string>
  /** Seconds, where it is more than `clockTolerance`: for that, used assertions are remembered. */
  rememberedTolerance?: number
}

export const DEFAULT_LIMITS: AssertionLimits = {
  clockTolerance: 60,
  maxAge: 1800,
  requireIat: false,
  maxLifetime: 86_400,
  maxBytes: 32_768,
  replay: 'once',
  algorithms: new Set(ASYMMETRIC_ALGORITHMS),
}
/** A list of all names would be longer than a sentence. */
const ALGORITHM = 'an asymmetric algorithm, such as RS256, PS256, ES256 or EdDSA'
const A_YEAR = 31_536_000

/** Reads the limits that stand in `reader`; those that do not are taken from `otherwise`. */
export function readAssertionLimits(reader: OptionReader, otherwise = DEFAULT_LIMITS): AssertionLimits {
  const integer = (
    key: 'clockTolerance' | 'maxAge' | 'maxLifetime' | 'maxBytes',
    unit: string,
    min: number,
    max: number,
  ) => reader.integer(key, { min, max, unit, default: otherwise[key] })
  return {
    clockTolerance: integer('clockTolerance', 'seconds', 0, 600),
    maxAge: integer('maxAge', 'seconds', 1, A_YEAR),
    requireIat: reader.boolean('requireIat', reader.isNamed('maxAge') || otherwise.requireIat),
    maxLifetime: integer('maxLifetime', 'seconds', 1, A_YEAR),
    maxBytes: integer('maxBytes', 'bytes', 256, 1_048_576),
    replay: reader.oneOf('replay', ['once', 'allow'], otherwise.replay),
    algorithms: readAlgorithms(reader) ?? otherwise.algorithms,
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
