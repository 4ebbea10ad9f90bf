import { X509Certificate } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import { holdsPrivateKey, parseCertificateBlocks } from '../jwt/pem.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isHostAllowed, type Network } from './network-guard.js'

/** An `http.Agent` or `https.Agent`, or an object that acts as one. */
export interface JwksAgent {
  createConnection?: unknown
  addRequest?: unknown
}

/**
 * How any endpoint is reached.
 *
 * @example
 * const connection: EndpointConnectionOptions = { proxy: 'http://proxy.example.com:3128', network: 'any' }
 */
export interface EndpointConnectionOptions {
  /**
   * PEM certificates of the authorities that may have issued the endpoint's certificate, instead of Node's own list.
   * Default: Node's list. Certificates are always checked in full, even if `NODE_TLS_REJECT_UNAUTHORIZED` is 0.
   */
  ca?: string | readonly string[]
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
}

/** The same, checked. */
export interface EndpointConnectionSettings {
  ca: readonly string[] | undefined
  proxy: URL | undefined
  agent: JwksAgent | undefined
  lookup: LookupFunction | undefined
  network: Network
}

export function readEndpointConnection(reader: OptionReader): EndpointConnectionSettings {
  return {
    ca: readAuthorities(reader),
    proxy: readProxy(reader),
    agent: readAgent(reader),
    lookup: readLookup(reader),
    network: reader.oneOf('network', ['any', 'public'], 'any'),
  }
}

/** Notes options that exclude one another. */
export function checkRoute(reader: OptionReader, { network, proxy, agent }: EndpointConnectionSettings): void {
  if (proxy !== undefined && agent !== undefined) reader.refuseBoth('proxy', 'agent')
  if (network === 'public' && (proxy !== undefined || agent !== undefined)) {
    const why = 'because a proxy or an agent hides the address that is connected to'
    reader.problem('network', `"any", ${why}`, undefined, 'conflict')
  }
}

/**
 * Notes that an endpoint cannot be reached in this way.
 *
 * @param named the option that has the endpoint, and why it cannot be at a metadata service
 */
export function checkReachable(
  reader: OptionReader,
  { network, proxy }: EndpointConnectionSettings,
  endpoint: string,
  named: { key: string; why: string },
): void {
  const { hostname, protocol } = new URL(endpoint)
  if (!isHostAllowed(hostname, network)) {
    const isPrivate = isHostAllowed(hostname, 'any')
    const isPublic = `${option('network')} is "public"; set it to "any" for a private one`
    reader.problem(named.key, `another host, because ${isPrivate ? isPublic : named.why}`)
  }
  if (protocol === 'http:' && proxy !== undefined)
    reader.note(
      'conflict',
      'proxy',
      'the tunnel through a proxy requires https; use an https URL, or remove this option',
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
