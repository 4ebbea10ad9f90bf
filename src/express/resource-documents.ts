import { pathOf } from '../protected-route/host-request.js'
import type { ResourceMetadata } from '../protected-route/resource-metadata.js'
import { createPublicDocument, type ExpressRequest, type Middleware } from './http.js'

/** The document that a request asks for; undefined if there is none. */
export type FindResourceDocument = (req: ExpressRequest) => Middleware | undefined

interface ServedDocument {
  host: string
  isDefault: boolean
  send: Middleware
}

/**
 * The metadata of resources (RFC 9728 §3), by path and query. Resources of several hosts may have the same path: then the
 * `Host` header chooses among them, and nothing of it is in the answer. If it is none of their hosts, the default resource is
 * meant.
 */
export function createFindResourceDocument(
  described: readonly ResourceMetadata[],
  defaults: ReadonlySet<string>,
): FindResourceDocument {
  const byPath = new Map<string, ServedDocument[]>()
  for (const { path, host, document } of described) {
    const isDefault = defaults.has(String(document.resource))
    const served = { host: withoutDefaultPort(host), isDefault, send: createPublicDocument(document) }
    byPath.set(path, [...(byPath.get(path) ?? []), served])
  }
  return (req) => {
    const [first, ...others] = findByPath(req, byPath) ?? []
    if (first === undefined || others.length === 0) return first?.send
    return chooseByHost([first, ...others], req)?.send
  }
}

/** Serves these documents alone, at the root of a host that issues no access tokens. */
export function createResourceWellKnown(findDocument: FindResourceDocument): Middleware {
  return (req: ExpressRequest, res, next) => {
    const send = findDocument(req)
    if (send === undefined) next()
    else send(req, res, next)
  }
}

/** Below the path at which the host has mounted it, or by the whole path. A query need not be of the resource. */
function findByPath({ url, originalUrl }: ExpressRequest, byPath: ReadonlyMap<string, readonly ServedDocument[]>) {
  for (const each of [url, originalUrl]) {
    const path = pathOf(each)
    const found = byPath.get(`${path}${queryOf(each)}`) ?? byPath.get(path)
    if (found !== undefined) return found
  }
  return undefined
}

function queryOf(url = ''): string {
  return /\?[^#]*/.exec(url)?.[0] ?? ''
}

function chooseByHost(served: readonly ServedDocument[], { headers }: ExpressRequest): ServedDocument | undefined {
  const authority = headers?.host ?? headers?.[':authority']
  const host = typeof authority === 'string' ? withoutDefaultPort(authority.toLowerCase()) : ''
  return served.find((each) => each.host === host) ?? served.find(({ isDefault }) => isDefault)
}

function withoutDefaultPort(host: string): string {
  return host.replace(/:(?:443|80)$/, '')
}
