import { X509Certificate } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { holdsPrivateKey, parseCertificateBlocks } from '../jwt/pem.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { readBearerTokenFile } from './bearer-token-file.js'
import { isHostAllowed, type Network } from './network-guard.js'
import { type JwksHeadersOption, readHeaders } from './request-headers.js'

/** HTTP headers: the value of each by its name. */
/** An `http.Agent` or `https.Agent`, or an object that acts as one. */
export interface JwksAgent {
  createConnection?: unknown
  addRequest?: unknown
}

/**
 * How a JWKS endpoint is reached.
 *
 * @example
 * const connection: JwksConnectionOptions = { proxy: 'http://proxy.example.com:3128', headers: { 'X-Api-Key': 'a key' } }
 */
export interface JwksConnectionOptions {
  /**
   * PEM certificates of the authorities that may have issued the endpoint's certificate, instead of Node's own list.
   * Default: Node's list. Certificates are always checked in full, even if `NODE_TLS_REJECT_UNAUTHORIZED` is 0.
   */
  ca?: string | readonly string[]
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
   * URL of a forward proxy that opens a tunnel (CONNECT): `http` or `https`, user info allowed. Default: none. Environment
   * variables are not read: pass `process.env.HTTPS_PROXY` if it is set, or in a file write `"${HTTPS_PROXY}"`.
   */
  proxy?: string
  /** An agent that makes the connections. Default: none; each fetch makes its own connection. */
  agent?: JwksAgent
  /** Resolves the endpoint's name, as `dns.lookup` does. Default: `dns.lookup`. */
  lookup?: LookupFunction
  /**
   * `public`: only globally reachable addresses. Private, loopback and link-local addresses are refused; the check is made on
   * the address that is connected to. It cannot be combined with `proxy` or `agent`, which hide that address.
   * `any`: all addresses. The addresses of cloud metadata services, such as 169.254.169.254, are always refused. Default: `any`.
   */
  network?: Network
  /**
   * `true` allows `http` URLs of any host for `jwksUri`, for `discovery`, and for the `jwks_uri` of metadata that were
   * themselves fetched by `http`. Use it only for development: anybody who can change the answer in transit can sign as the
   * owner of the keys. The event `jwks.insecure_http` warns of this at each start. Address guards and redirect rules apply
   * as for `https`. Default: false.
   */
  allowInsecureHttp?: boolean
}

export interface JwksConnectionSettings {
  ca: readonly string[] | undefined
  headers: JwksConnectionOptions['headers']
  /** An absolute path. */
  bearerTokenFile: string | undefined
  proxy: URL | undefined
  agent: JwksAgent | undefined
  lookup: LookupFunction | undefined
  network: Network
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
    ca: readAuthorities(reader),
    headers: readHeaders(reader),
    bearerTokenFile: readBearerTokenFile(reader, endpoint),
    proxy: readProxy(reader),
    agent: readAgent(reader),
    lookup: readLookup(reader),
    network: reader.oneOf('network', ['any', 'public'], 'any'),
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

function readAuthorities(reader: OptionReader): readonly string[] | undefined {
  const value = reader.value('ca')
  if (value === undefined) return undefined
  const authorities: unknown[] = Array.isArray(value) ? value : [value]
  if (authorities.length > 0 && authorities.every(areCertificates)) return [...authorities]
  const isPrivate = authorities.some((pem) => typeof pem === 'string' && holdsPrivateKey(pem))
  const expected = 'PEM text of X.509 certificates and nothing else'
  reader.problem('ca', expected, isPrivate ? 'a private key' : 'something else')
  return undefined
}

function areCertificates(pem: unknown): pem is string {
  const blocks = typeof pem === 'string' ? parseCertificateBlocks(pem) : undefined
  try {
    return blocks?.every((block) => new X509Certificate(block).raw.length > 0) === true
  } catch {
    return false
  }
}

function readProxy(reader: OptionReader): URL | undefined {
  if (!reader.has('proxy')) return undefined
  const proxy = reader.secret('proxy')
  if (isProxy(proxy)) return new URL(proxy)
  const expected = 'the http or https URL of a proxy, without a path, and with its user info percent-encoded'
  if (proxy !== '') reader.problem('proxy', expected, 'something else')
  return undefined
}

/** An origin, with user info or without: a `/`, `?` or `#` in a password must be encoded, or it is taken for a path. */
function isProxy(text: string): boolean {
  if (!/^https?:\/\/[^/\s\\]+\/?$/i.test(text) || !URL.canParse(text)) return false
  const { hostname, username, password, search, hash } = new URL(text)
  return search === '' && hash === '' && isDecodable(username + password) && isHostAllowed(hostname, 'any')
}

function isDecodable(text: string): boolean {
  try {
    return decodeURIComponent(text).length >= 0
  } catch {
    return false
  }
}

function readAgent(reader: OptionReader): JwksAgent | undefined {
  const agent = reader.hostObject('agent') as JwksAgent | undefined
  const isAgent = typeof agent?.addRequest === 'function'
  if (agent !== undefined && !isAgent) reader.problem('agent', 'an https.Agent', undefined, 'wrong_type')
  return agent
}

function readLookup(reader: OptionReader): LookupFunction | undefined {
  const lookup = reader.value('lookup')
  if (lookup !== undefined && typeof lookup !== 'function') {
    reader.problem('lookup', 'a function like dns.lookup', undefined, 'wrong_type')
  }
  return lookup as LookupFunction | undefined
}

function checkSuitsEndpoint(reader: OptionReader, connection: JwksConnectionSettings, endpoint: string | undefined) {
  const { network, proxy, agent } = connection
  if (proxy !== undefined && agent !== undefined) reader.refuseBoth('proxy', 'agent')
  if (network === 'public' && (proxy !== undefined || agent !== undefined)) {
    const why = 'because a proxy or an agent hides the address that is connected to'
    reader.problem('network', `"any", ${why}`, undefined, 'conflict')
  }
  if (endpoint === undefined) {
    const isMeant = reader.has('jwksUri') || reader.has('discovery')
    const useless = isMeant ? undefined : OPTION_NAMES.find((name) => reader.has(name))
    if (useless !== undefined) {
      const text = `has no effect without an endpoint; set ${option('jwksUri')} as well, or remove it`
      reader.note('conflict', useless, text, ['jwksUri', 'discovery'])
    }
    return
  }
  const { hostname, protocol } = new URL(endpoint)
  if (!isHostAllowed(hostname, network)) {
    const isPrivate = isHostAllowed(hostname, 'any')
    const isPublic = `${option('network')} is "public"; set it to "any" for a private one`
    const why = isPrivate ? isPublic : 'a metadata service has no key set'
    reader.problem(reader.has('jwksUri') ? 'jwksUri' : 'discovery', `another host, because ${why}`)
  }
  if (protocol === 'http:' && proxy !== undefined)
    reader.note(
      'conflict',
      'proxy',
      'the tunnel through a proxy requires https; use an https URL, or remove this option',
    )
}
