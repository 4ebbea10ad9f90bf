import type { OptionReader } from '../option-checks/option-reader.js'

/** How key sets are fetched and kept; WSO2 Identity Server's `[oauth.jwks_endpoint]`. */
export interface JwksEndpointOptions {
  /**
   * `false`: no key set is ever fetched, so an identity provider needs `certificates` or `jwks`; one that only has a
   * `jwksUri` is a ConfigError. Default: true.
   */
  enable?: boolean
  /** Milliseconds for DNS, TCP and TLS together, 20 to 10 000. Default: 1000. */
  connectionTimeout?: number
  /** Milliseconds from the connection to the last byte of the body: a deadline, 20 to 10 000. Default: 1000. */
  readTimeout?: number
  /** The largest key set, in bytes as received, 1024 to 1 048 576. Default: 51 200. */
  sizeLimitBytes?: number
  /** Milliseconds for which a fetched key set is fresh, 20 to 3 600 000. Default: 300 000. */
  cacheMaxAge?: number
  /**
   * Milliseconds after which one more fetch for an unknown `kid` is allowed; two are allowed at once.
   * 20 to 600 000. Default: 30 000.
   */
  cooldownDuration?: number
  /**
   * Milliseconds for which the last good key set serves on after it expired, while the endpoint fails.
   * 0 to 86 400 000. Default: 3 600 000.
   */
  cacheMaxAgeFallback?: number
}

export type JwksEndpointSettings = Required<JwksEndpointOptions>

export function checkJwksEndpointOptions(reader: OptionReader): JwksEndpointSettings {
  const milliseconds = (key: string, min: number, max: number, otherwise: number) =>
    reader.integer(key, { min, max, default: otherwise, unit: 'milliseconds' })
  const settings = {
    enable: reader.boolean('enable', true),
    connectionTimeout: milliseconds('connectionTimeout', 20, 10_000, 1000),
    readTimeout: milliseconds('readTimeout', 20, 10_000, 1000),
    sizeLimitBytes: reader.integer('sizeLimitBytes', { min: 1024, max: 1_048_576, default: 51_200, unit: 'bytes' }),
    cacheMaxAge: milliseconds('cacheMaxAge', 20, 3_600_000, 300_000),
    cooldownDuration: milliseconds('cooldownDuration', 20, 600_000, 30_000),
    cacheMaxAgeFallback: milliseconds('cacheMaxAgeFallback', 0, 86_400_000, 3_600_000),
  }
  reader.refuseUnknown()
  return settings
}
