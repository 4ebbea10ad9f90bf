import type { IncomingMessage, ServerResponse } from 'node:http'
import { systemClock } from '../clock/clock.js'
import { settleInTime, systemTimers } from '../clock/timers.js'
import type { JwtExchange } from '../exchange/jwt-exchange.js'
import type { ExpressRequest, Middleware } from '../express/http.js'
import { pathOf } from '../protected-route/host-request.js'
import { type AdminOptions, type AdminSettings, readAdminOptions } from './admin-options.js'
import type { AdminDeps } from './admin-request.js'
import { sendAnswer, sendProblem, setSecurityHeaders } from './answer.js'
import { authorizeRequest } from './authorize.js'
import { BoundedStore } from './bounded-store.js'
import { checkHost, checkSite } from './browser-guard.js'
import { EventStreams } from './event-streams.js'
import { FetchLimit } from './fetch-limit.js'
import { KnownIdentityProviders } from './identity-provider-item.js'
import { toProblem, unavailable } from './problem.js'
import { readJson } from './read-json.js'
import { RecentEvents } from './recent-events.js'
import { findRoute } from './routes.js'

export type { AdminOptions } from './admin-options.js'

const TOO_LATE = 'The store of identity providers did not answer in time. A change may or may not be in effect.'

/** The admin API and its page, as a middleware for any mount path. */
export interface Admin extends Middleware {
  /** Ends the live streams of events, so that the server can close, and forgets the events. */
  close(): void
}

/**
 * Creates the admin API of an exchange, and its page. It serves nothing until you mount it, and nobody passes without
 * `authorize`. docs/admin.md lists the routes.
 *
 * @example
 * app.use('/admin', createAdmin(exchange, { authorize: (req) => req.headers['x-forwarded-user'] === 'alice' }))
 *
 * @throws ConfigError for a missing `authorize`, and for other problems of the options
 */
export function createAdmin(exchange: JwtExchange, options: AdminOptions): Admin {
  const settings = readAdminOptions(options, exchange)
  const closing = new AbortController()
  const bounds = { timeout: settings.timeout, timers: systemTimers }
  const recentEvents = new RecentEvents(exchange.events, settings.maxEvents, systemClock.now)
  const streams = new EventStreams(recentEvents, systemTimers)
  const identityProviders = new KnownIdentityProviders(exchange, settings.store !== undefined)
  const deps: AdminDeps = {
    exchange,
    store: settings.store && new BoundedStore(settings.store, bounds),
    identityProviders,
    allowPrivateNetworks: settings.allowPrivateNetworks,
    recentEvents,
    streams,
    fetchLimit: new FetchLimit(),
    now: systemClock.now,
    closing: closing.signal,
    inTime: (call) => settleInTime(call(), settings.timeout, systemTimers, () => unavailable(TOO_LATE)),
  }
  const handle: Middleware = (req, res, next) => {
    handleRequest(req, res, settings, deps).catch(next)
  }
  const close = () => {
    closing.abort()
    recentEvents.close()
    identityProviders.close()
    streams.close()
  }
  return Object.assign(handle, { close })
}

async function handleRequest(
  req: ExpressRequest,
  res: ServerResponse,
  settings: AdminSettings,
  deps: AdminDeps,
): Promise<void> {
  try {
    setSecurityHeaders(res)
    checkHost(req, settings.hosts)
    checkSite(req)
    const administrator = await authorizeRequest(req, res, { ...settings, timers: systemTimers })
    if (administrator === undefined) return
    const { route, id } = findRoute(req.method ?? '', pathOf(req.url))
    const query = new URLSearchParams(queryOf(req))
    const readBody = () => readJson(req, res, route.maxBodyBytes)
    sendAnswer(res, await route.handle({ req, res, id, query, by: administrator.name, readBody }, deps))
  } catch (error) {
    sendProblem(res, toProblem(error))
  }
}

function queryOf({ url = '' }: IncomingMessage): string {
  const at = url.indexOf('?')
  return at === -1 ? '' : url.slice(at + 1)
}
