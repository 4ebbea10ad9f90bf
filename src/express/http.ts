import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HostRequest } from '../protected-route/host-request.js'

/**
 * An Express middleware, described by what it needs. So it fits Express 4 and 5 alike, and our public types name neither.
 */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/** What Express adds to a request, besides what authentication at a route reads. Other hosts add less. */
export interface ExpressRequest extends HostRequest {
  /** The application, which knows its settings. */
  app?: { get?: (setting: string) => unknown }
  /** Whether TLS was used, as `trust proxy` says. */
  secure?: boolean
}

/** As Express's `req.secure`; on another host, what the socket says. */
export function isSecure({ secure, socket }: ExpressRequest): boolean {
  return secure ?? (socket !== undefined && 'encrypted' in socket && socket.encrypted === true)
}

/** The path of a request's URL, which Koa, Fastify and `node:http` do not keep apart. */
export function pathOf(url = ''): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '')
}
