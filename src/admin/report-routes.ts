import { readHeader } from '../protected-route/host-request.js'
import { type AdminDeps, type AdminRequest, type AdminRoute, readQuery } from './admin-request.js'
import { type Answer, json } from './answer.js'

/** Events in one answer. */
const MAX_EVENTS = 1000
const NUMBER = /^\d{1,16}$/

export const REPORT_ROUTES: readonly AdminRoute[] = [
  { method: 'GET', path: '/events', handle: reportEvents },
  { method: 'GET', path: '/stats', handle: (_, { exchange }) => json(exchange.stats()) },
  { method: 'GET', path: '/openapi.json', handle: describeApi },
]

/** The events since a number, or live: all that come. */
function reportEvents({ req, res, query }: AdminRequest, { recentEvents, streams }: AdminDeps): Answer {
  const asked = readQuery(query, { after: (text) => NUMBER.test(text) })
  const after = asked.get('after')
  const isStream =
    req.method === 'GET' && readHeader(req, 'accept').some((accept) => /text\/event-stream/i.test(accept))
  if (isStream) {
    const [lastEventId = ''] = readHeader(req, 'last-event-id')
    const seen = NUMBER.test(lastEventId) ? lastEventId : after
    streams.open(res, Number(seen ?? recentEvents.last))
    return 'answered'
  }
  const start = Number(after ?? recentEvents.last - MAX_EVENTS)
  const events = recentEvents.after(start, MAX_EVENTS)
  return json({ events, next: events.at(-1)?.n ?? recentEvents.last })
}

async function describeApi(): Promise<Answer> {
  const { createOpenApi } = await import('./openapi.js')
  return json(createOpenApi())
}
