import type { IncomingMessage, ServerResponse } from 'node:http'
import { fieldOf } from '../errors/field-of.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { AccessDenied } from '../events/refusals.js'

export interface PassportRequest extends IncomingMessage {
  res?: ServerResponse | undefined
}

/** What was refused of one request, and who its user was before. */
interface Refused {
  events: AccessDenied[]
  property: string
  userBefore: unknown
}

/**
 * Refusals that may not be final, because Passport asks the next strategy of an array, which may accept the request. They are
 * reported when the request is answered, unless it has a user by then.
 */
export class PendingRefusals {
  readonly #events: ExchangeEventEmitter
  readonly #refused = new WeakMap<IncomingMessage, Refused>()

  constructor(events: ExchangeEventEmitter) {
    this.#events = events
  }

  /** Notes a refusal before Passport hears of it. @param options those of `passport.authenticate` */
  add(req: IncomingMessage, event: AccessDenied, options: unknown): void {
    const property = userPropertyOf(req, options)
    const refused = this.#refused.get(req) ?? { events: [], property, userBefore: fieldOf(req, property) }
    refused.events.push(event)
    this.#refused.set(req, refused)
  }

  /** After Passport has heard of a refusal: by then it has answered, or asks another strategy, or leaves it to the host. */
  settle(req: PassportRequest): void {
    if (!this.#refused.has(req)) return
    const { res } = req
    const conclude = () => this.conclude(req)
    if (res === undefined || res.headersSent || this.#hasOtherUser(req)) conclude()
    else res.once('finish', conclude).once('close', conclude)
  }

  /** Reports what is known by now, because nothing else comes. */
  conclude(req: IncomingMessage): void {
    const refused = this.#hasOtherUser(req) ? undefined : this.#refused.get(req)
    this.forget(req)
    for (const event of refused?.events ?? []) this.#events.emit('access.denied', event)
  }

  /** One of our strategies has accepted the request. */
  forget(req: IncomingMessage): void {
    this.#refused.delete(req)
  }

  #hasOtherUser(req: IncomingMessage): boolean {
    const refused = this.#refused.get(req)
    return refused !== undefined && fieldOf(req, refused.property) !== refused.userBefore
  }
}

/** Where the host wants the user: an option of Passport, of Nest's guards, or of `passport.initialize`. */
function userPropertyOf(req: IncomingMessage, options: unknown): string {
  const named = [fieldOf(options, 'assignProperty'), fieldOf(options, 'property'), fieldOf(req, '_userProperty')]
  return (named.find((name) => typeof name === 'string' && name !== '') as string | undefined) ?? 'user'
}
