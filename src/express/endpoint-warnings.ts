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

const MESSAGE =
  "A request has X-Forwarded-For, but Express's `trust proxy` is off: all clients behind the proxy count as one address, and requireHttps refuses them; set `trust proxy`"

/**
 * Warns once if a proxy forwards requests although Express's `trust proxy` is off. Other hosts do not say whether they trust
 * a proxy.
 */
export class ProxyWarning {
  readonly #events: ExchangeEventEmitter
  #isGiven = false

  constructor(events: ExchangeEventEmitter) {
    this.#events = events
  }

  check({ headers, app, socket }: ExpressRequest): void {
    if (this.#isGiven) return
    const forwardedFor = headers?.['x-forwarded-for']
    const remoteAddress = socket?.remoteAddress
    if (forwardedFor === undefined || typeof app?.get !== 'function' || app.get('trust proxy')) return
    // What runs without a socket of its own, such as serverless-http, has the client's address in its place.
    if (remoteAddress !== undefined && String(forwardedFor).includes(remoteAddress)) return
    this.#isGiven = true
    this.#events.emit('proxy.not_trusted', { message: MESSAGE })
  }
}
