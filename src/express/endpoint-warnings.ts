import { printablePath } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { pathOf } from '../protected-route/host-request.js'
import type { ExpressRequest } from './http.js'

/** Warns if the path of the first token request is not the one in the metadata, where clients would look for it. */
export class MountWarning {
  readonly #tokenEndpoint: string
  readonly #events: ExchangeEventEmitter
  #isChecked = false

  constructor(tokenEndpoint: string, events: ExchangeEventEmitter) {
    this.#tokenEndpoint = tokenEndpoint
    this.#events = events
  }

  /** @param req a request for `/token` within the router, which keeps the whole path in `originalUrl` */
  check(req: ExpressRequest): void {
    if (this.#isChecked) return
    this.#isChecked = true
    const path = pathOf(req.originalUrl ?? req.url)
    if (normalised(path) === normalised(new URL(this.#tokenEndpoint).pathname)) return
    const message = `A token request arrived at ${printablePath(path)}, but the metadata say ${this.#tokenEndpoint}: mount the router there or set tokenEndpoint, unless a proxy rewrites paths`
    this.#events.emit('token_endpoint.mismatch', { message })
  }
}

/** As Express compares paths. */
function normalised(path: string): string {
  return path.toLowerCase().replace(/\/$/, '')
}
