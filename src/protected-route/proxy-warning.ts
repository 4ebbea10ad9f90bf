import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { type HostRequest, remoteAddressOf } from './host-request.js'

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

  check(req: HostRequest): void {
    if (this.#isGiven) return
    const { headers, app, socket } = req
    const forwardedFor = headers?.['x-forwarded-for']
    const remoteAddress = socket?.remoteAddress
    if (forwardedFor === undefined || typeof app?.get !== 'function' || app.get('trust proxy')) return
    // What runs without a socket of its own, such as serverless-http, has the client's address in its place.
    if (remoteAddress !== undefined && String(forwardedFor).includes(remoteAddress)) return
    // Fastify trusts the proxy, and has an app of Express that does not know.
    if (remoteAddressOf(req) !== remoteAddress) return
    this.#isGiven = true
    this.#events.emit('proxy.not_trusted', { message: MESSAGE })
  }
}
