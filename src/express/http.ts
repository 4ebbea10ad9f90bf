import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * An Express middleware, described by what it needs: it fits Express 4 and 5 alike, and no type of either stands in our
 * public types.
 */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/** What Express and body parsers add to a request. */
export interface ExpressRequest extends IncomingMessage {
  body?: unknown
  query?: Readonly<Record<string, unknown>>
  /** The client's address, as `trust proxy` says. */
  ip?: string
  path?: string
  /** Whether TLS was used, as `trust proxy` says. */
  secure?: boolean
}
