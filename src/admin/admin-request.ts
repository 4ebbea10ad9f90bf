import type { ServerResponse } from 'node:http'
import type { ExchangeEventName, ExchangeEvents } from '../events/exchange-events.js'
import type { JwtExchange } from '../exchange/jwt-exchange.js'
import type { ExpressRequest } from '../express/http.js'
import type { Answer } from './answer.js'
import type { BoundedStore } from './bounded-store.js'
import type { EventStreams } from './event-streams.js'
import type { FetchLimit } from './fetch-limit.js'
import type { KnownIdentityProviders } from './identity-provider-item.js'
import { AdminProblem } from './problem.js'
import type { JsonObject } from './read-json.js'
import type { RecentEvents } from './recent-events.js'

/** What the routes work with. */
export interface AdminDeps {
  exchange: JwtExchange
  /** undefined: identity providers cannot be changed. */
  store: BoundedStore | undefined
  identityProviders: KnownIdentityProviders
  allowPrivateNetworks: boolean
  recentEvents: RecentEvents
  streams: EventStreams
  fetchLimit: FetchLimit
  /** Seconds since the epoch. */
  now: () => number
  /** Aborted when the admin API is closed. */
  closing: AbortSignal
  /** Waits for a call of the exchange that may wait for the store. @throws AdminProblem 503 if it takes too long */
  inTime<Result>(call: () => Promise<Result>): Promise<Result>
}

/** One authorized request. */
export interface AdminRequest {
  req: ExpressRequest
  res: ServerResponse
  /** The `{id}` in the path, decoded; empty if the route has none. */
  id: string
  query: URLSearchParams
  /** Who makes the request, if `authorize` gave a name. */
  by: string | undefined
  /** @throws AdminProblem 400, 413, 415 */
  readBody(): Promise<JsonObject>
}

export type Handle = (request: AdminRequest, deps: AdminDeps) => Answer | Promise<Answer>

export interface AdminRoute {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With `{id}` for one segment. */
  path: string
  handle: Handle
  /** Bytes of the body, if it may be larger than those of other routes. */
  maxBodyBytes?: number
}

const READ_ONLY = 'Identity providers are configured in the code or the file of this server. Change them there.'

/** @throws AdminProblem 405 without a store */
export function requireStore({ store }: AdminDeps): BoundedStore {
  if (store === undefined) throw readOnly(READ_ONLY)
  return store
}

export function readOnly(detail = READ_ONLY): AdminProblem {
  return new AdminProblem('read-only', detail, { headers: { Allow: 'GET, HEAD' } })
}

export function notFound(): AdminProblem {
  return new AdminProblem('not-found', 'There is no identity provider with this id.')
}

/** @throws AdminProblem 400 for parameters that are unknown, repeated or not accepted */
export function readQuery(
  query: URLSearchParams,
  accepted: Readonly<Record<string, (value: string) => boolean>>,
): ReadonlyMap<string, string> {
  const read = new Map<string, string>()
  for (const [name, value] of query) {
    const accept = Object.hasOwn(accepted, name) ? accepted[name] : undefined
    if (accept === undefined || read.has(name) || !accept(value)) {
      const names = Object.keys(accepted).join(', ') || 'none'
      throw new AdminProblem(
        'malformed-request',
        `A query parameter is unknown or wrong. The parameters are: ${names}.`,
      )
    }
    read.set(name, value)
  }
  return read
}

/** @throws AdminProblem 400 for a member of a body that is unknown, so that a slip has no other meaning than was meant */
export function checkMembers(body: JsonObject, accepted: readonly string[]): void {
  if (Object.keys(body).every((name) => accepted.includes(name))) return
  const names = accepted.map((name) => `\`${name}\``).join(', ') || 'none'
  throw new AdminProblem('malformed-request', `The body has an unknown member. The members are: ${names}.`)
}

/** Emits an event of the exchange, as its other parts do. */
export function emit<Name extends ExchangeEventName>(
  { events }: Pick<JwtExchange, 'events'>,
  name: Name,
  event: ExchangeEvents[Name],
): void {
  if ('emit' in events && typeof events.emit === 'function') Reflect.apply(events.emit, events, [name, event])
}
