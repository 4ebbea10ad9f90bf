import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BearerRequest } from '../bearer/read-bearer-token.js'

/**
 * An Express middleware, described by what it needs: it fits Express 4 and 5 alike, and no type of either stands in our
 * public types.
 */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/** What Express adds to a request, beside what bearer authentication reads of it. */
export interface ExpressRequest extends BearerRequest {
  /** The client's address, as `trust proxy` says. */
  ip?: string
  path?: string
  /** Whether TLS was used, as `trust proxy` says. */
  secure?: boolean
}
