import { type ExpressRequest, isSecure } from '../express/http.js'
import { readHeader } from '../protected-route/host-request.js'
import { AdminProblem } from './problem.js'

/** A `Host` that is accepted: its name, and its port if only that one is meant. */
export interface AcceptedHost {
  name: string
  port: string | undefined
}

const HOST = /^(\[[\da-f:.]+\]|[^\s:/?#@\\[\]]+)(?::(\d{1,5}))?$/

/** The name and the port of a `Host` header; undefined if it is not a host. */
export function parseHost(text: string): AcceptedHost | undefined {
  const [, name, port] = HOST.exec(text.toLowerCase()) ?? []
  return name === undefined ? undefined : { name, port }
}

/**
 * Refuses a request that was sent to another name. With DNS rebinding a page of another site has its own name lead to this
 * server, and may then read and send everything.
 *
 * @throws AdminProblem with status 421
 */
export function checkHost(req: ExpressRequest, hosts: readonly AcceptedHost[] | undefined): void {
  if (hosts === undefined) return
  const sent = parseHost(hostOf(req))
  const isAccepted = hosts.some(({ name, port }) => {
    return sent?.name === name && (port === undefined || port === sent.port)
  })
  if (!isAccepted) throw new AdminProblem('misdirected', 'The Host header is not one of the option `hosts`.')
}

/**
 * Refuses what a page of another site has the browser send with the cookies of the user (CSRF), and what such a page embeds. A
 * browser says where a request comes from; other clients say nothing, and pass.
 *
 * @throws AdminProblem with status 403
 */
export function checkSite(req: ExpressRequest): void {
  const origins = readHeader(req, 'origin')
  const isOwn = origins.every((origin) => isOwnOrigin(origin, req))
  if (isOwn && readHeader(req, 'sec-fetch-site').every((site) => isAcceptedSite(site, req))) return
  throw new AdminProblem('cross-site', 'Requests of pages from another origin are refused.')
}

function isAcceptedSite(site: string, req: ExpressRequest): boolean {
  if (site === 'same-origin') return true
  if (req.method !== 'GET' && req.method !== 'HEAD') return false
  if (site === 'none') return true // Typed into the address bar, or a bookmark.
  const isNavigation = readHeader(req, 'sec-fetch-mode').includes('navigate')
  return isNavigation && readHeader(req, 'sec-fetch-dest').includes('document')
}

/** Behind a proxy that ends TLS, the scheme is only known with `trust proxy`. */
function isOwnOrigin(origin: string, req: ExpressRequest): boolean {
  const host = hostOf(req)
  if (parseHost(host) === undefined) return false
  const schemes = isSecure(req) ? ['https'] : ['https', 'http']
  return schemes.some((scheme) => originOf(`${scheme}://${host}`) === origin)
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined
}

/** Never `X-Forwarded-Host`: a page can set that header. In HTTP/2 the host has another name. */
function hostOf(req: ExpressRequest): string {
  const hosts = readHeader(req, 'host')
  const sent = hosts.length === 0 ? readHeader(req, ':authority') : hosts
  if (sent.length > 1) throw new AdminProblem('malformed-request', 'The request has several Host headers.')
  return sent[0] ?? ''
}
