import { printablePath } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { pathOf } from '../protected-route/host-request.js'
import type { ExpressRequest } from './http.js'

/** The URLs of the token endpoint in the metadata: for everybody, and for clients with a certificate if it is another one. */
export type TokenEndpoints = () => readonly string[]

/** Warns if the path of the first token request is not in the metadata, where clients would look for it. */
export class MountWarning {
  readonly #tokenEndpoints: TokenEndpoints
  readonly #events: ExchangeEventEmitter
  #isChecked = false

  constructor(tokenEndpoints: TokenEndpoints, events: ExchangeEventEmitter) {
    this.#tokenEndpoints = tokenEndpoints
    this.#events = events
  }

  /** @param req a request for `/token` within the router, which keeps the whole path in `originalUrl` */
  check(req: ExpressRequest): void {
    if (this.#isChecked) return
    this.#isChecked = true
    const path = pathOf(req.originalUrl ?? req.url)
    const urls = this.#tokenEndpoints()
    if (urls.some((url) => normalisePath(path) === normalisePath(new URL(url).pathname))) return
    const message = `A token request arrived at ${printablePath(path)}, but the metadata say ${urls.join(' and ')}: mount the router there or set tokenEndpoint, unless a proxy rewrites paths`
    this.#events.emit('token_endpoint.mismatch', { message })
  }
}

/** As Express compares paths. */
export function normalisePath(path: string): string {
  return path.toLowerCase().replace(/\/$/, '')
}
