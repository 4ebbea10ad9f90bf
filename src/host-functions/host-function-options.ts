import type { OptionReader } from '../option-checks/option-reader.js'

/** Bounds for the functions of the options that requests wait for: `findClient`, `check`, `subject`, `claimsToToken`. */
export interface HostFunctionOptions {
  /**
   * Milliseconds within which one call must answer, 10 to 60 000. After that the request is answered with 503, and the
   * `AbortSignal` that the function got as its last argument is aborted. Default: 1000.
   */
  timeout?: number
  /**
   * How many calls of each of the four may run at once, 1 to 100 000. A request that needs one more is answered with 503 at
   * once. A call that missed its deadline counts until it ends, or until a later one has answered in time when all the room
   * was taken. Default: 1000.
   */
  maxConcurrent?: number
}

export type HostFunctionSettings = Required<HostFunctionOptions>

export function checkHostFunctionOptions(reader: OptionReader): HostFunctionSettings {
  const settings = {
    timeout: reader.integer('timeout', { min: 10, max: 60_000, default: 1000, unit: 'milliseconds' }),
    maxConcurrent: reader.integer('maxConcurrent', { min: 1, max: 100_000, default: 1000, unit: 'calls' }),
  }
  reader.refuseUnknown()
  return settings
}
