import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { readBearerTokenFile } from './bearer-token-file.js'
import {
  checkReachable,
  checkRoute,
  type EndpointConnectionOptions,
  type EndpointConnectionSettings,
  readEndpointConnection,
} from './endpoint-connection.js'
import { type JwksHeadersOption, readHeaders } from './request-headers.js'

/**
 * How a JWKS endpoint is reached.
 *
 * @example
 * const connection: JwksConnectionOptions = { proxy: 'http://proxy.example.com:3128', headers: { 'X-Api-Key': 'a key' } }
 */
export interface JwksConnectionOptions extends EndpointConnectionOptions {
  /**
   * Up to 20 headers, sent with each fetch, for an endpoint that requires credentials, such as a Kubernetes API server. A
   * function is called before each fetch, within the connection timeout. Default: none.
   */
  headers?: JwksHeadersOption
  /**
   * Name of a file with a token, up to 16 KiB. Each fetch reads it, and sends it as `Authorization: Bearer`, so a token that
   * is replaced on disk is used at once. In a TOML file the name is relative to that file. Default: none.
   */
  bearerTokenFile?: string
  /**
   * `true` allows `http` URLs of any host for `jwksUri`, for `discovery`, and for the `jwks_uri` of metadata that were
   * themselves fetched by `http`. Use it only for development: anybody who can change the answer in transit can sign as the
   * owner of the keys. The event `jwks.insecure_http` warns of this at each start. Address guards and redirect rules apply
   * as for `https`. Default: false.
   */
  allowInsecureHttp?: boolean
}

export interface JwksConnectionSettings extends EndpointConnectionSettings {
  headers: JwksConnectionOptions['headers']
  /** An absolute path. */
  bearerTokenFile: string | undefined
  allowInsecureHttp: boolean
}

export const DIRECT_CONNECTION: JwksConnectionSettings = {
  ca: undefined,
  headers: undefined,
  bearerTokenFile: undefined,
  proxy: undefined,
  agent: undefined,
  lookup: undefined,
  network: 'any',
  allowInsecureHttp: false,
}

const OPTION_NAMES = [
  'ca',
  'headers',
  'bearerTokenFile',
  'proxy',
  'agent',
  'lookup',
  'network',
  'allowInsecureHttp',
] as const

/** Reads the options of a connection from `reader`, the entry of their owner. */
export function readJwksConnection(reader: OptionReader, endpoint: string | undefined): JwksConnectionSettings {
  const connection = {
    ...readEndpointConnection(reader),
    headers: readHeaders(reader),
    bearerTokenFile: readBearerTokenFile(reader, endpoint),
    allowInsecureHttp: reader.boolean('allowInsecureHttp', false),
  }
  checkSuitsEndpoint(reader, connection, endpoint)
  return connection
}

/** The same for another origin, which must not get the credentials for this one. */
export function withoutCredentials(connection: JwksConnectionSettings): JwksConnectionSettings {
  return { ...connection, headers: undefined, bearerTokenFile: undefined }
}

/** Whether two connections are made in the same way, so that one client can serve both. */
export function isSameConnection(one: JwksConnectionSettings, other: JwksConnectionSettings): boolean {
  const comparable = ({ ca, headers, bearerTokenFile, proxy, network, allowInsecureHttp }: JwksConnectionSettings) => {
    const ofHeaders = typeof headers === 'function' ? 'function' : headers
    return JSON.stringify([ca, ofHeaders, bearerTokenFile, proxy, network, allowInsecureHttp])
  }
  const isSameFunction = one.headers === other.headers || typeof one.headers !== 'function'
  return (
    comparable(one) === comparable(other) && isSameFunction && one.agent === other.agent && one.lookup === other.lookup
  )
}

function checkSuitsEndpoint(reader: OptionReader, connection: JwksConnectionSettings, endpoint: string | undefined) {
  checkRoute(reader, connection)
  if (endpoint === undefined) {
    const isMeant = reader.has('jwksUri') || reader.has('discovery')
    const useless = isMeant ? undefined : OPTION_NAMES.find((name) => reader.has(name))
    if (useless !== undefined) {
      const text = `has no effect without an endpoint; set ${option('jwksUri')} as well, or remove it`
      reader.note('conflict', useless, text, ['jwksUri', 'discovery'])
    }
    return
  }
  const why = 'a metadata service has no key set'
  checkReachable(reader, connection, endpoint, { key: reader.has('jwksUri') ? 'jwksUri' : 'discovery', why })
}
