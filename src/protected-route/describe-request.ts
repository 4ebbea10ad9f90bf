import { printable } from '../errors/printable.js'
import type { AccessDenied } from '../events/exchange-events.js'
import type { HostRequest } from './read-presented-token.js'

/** The client's address as Express's `trust proxy` says; on another host, the one that the socket has. */
export function remoteAddressOf(req: HostRequest): string {
  return findAddress(req) ?? req.socket?.remoteAddress ?? ''
}

/** A `trust proxy` function is the host's, and may throw. */
function findAddress(req: HostRequest): string | undefined {
  try {
    return req.ip
  } catch {
    return undefined
  }
}

/** What the event of a refusal says of the request: where it came from, or which route it did not open. */
export function describeRequest(req: HostRequest, status: number): Partial<AccessDenied> {
  if (status === 401) return { remoteAddress: printable(remoteAddressOf(req)) }
  return status === 403 ? { method: printable(req.method ?? ''), route: printable(routeOf(req)) } : {}
}

/** As declared, because a path may hold an id or a secret. If no route is declared, the requested path without the query. */
function routeOf({ route, baseUrl = '', originalUrl, url }: HostRequest): string {
  const path: unknown = route?.path
  if (path !== undefined) return `${baseUrl}${path}`
  return (originalUrl ?? url ?? '').split('?', 1)[0] ?? ''
}
