import type { OptionReader } from '../option-checks/option-reader.js'

/** The protection of client secrets against guessing (RFC 6749 §2.3.1). */
export interface ClientAuthenticationOptions {
  /**
   * Failed authentications allowed for one client id from one address before 429, 1 to 1 000 000. From all addresses
   * together, 100 times as many are allowed. An address from which the client authenticated within `failureWindow` is exempt
   * from that second limit. The address is Express's `req.ip`: set `trust proxy` behind a proxy. An IPv6 /64 counts as one
   * address. Default: 500.
   */
  maxFailures?: number
  /** Seconds in which the whole allowance comes back, little by little, 1 to 86 400. Default: 600. */
  failureWindow?: number
}

export type ClientAuthenticationSettings = Required<ClientAuthenticationOptions>

export function checkClientAuthenticationOptions(reader: OptionReader): ClientAuthenticationSettings {
  const settings = {
    maxFailures: reader.integer('maxFailures', { min: 1, max: 1_000_000, default: 500, unit: 'failures' }),
    failureWindow: reader.integer('failureWindow', { min: 1, max: 86_400, default: 600, unit: 'seconds' }),
  }
  reader.refuseUnknown()
  return settings
}
