import { once } from 'node:events'
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { AdminOptions } from '../../src/admin/create-admin.js'
import { EventStreams } from '../../src/admin/event-streams.js'
import { RecentEvents } from '../../src/admin/recent-events.js'
import { ExchangeEventEmitter } from '../../src/events/exchange-events.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { AdjustableTimers } from '../support/adjustable-timers.js'
import { type AdminHost, type AdminHostOptions, startAdminHost } from '../support/admin-host.js'

interface ReceivedEvent {
  n: number
  at: number
  name: string
  data: Record<string, unknown>
}

interface Stream {
  request: ClientRequest
  response: IncomingMessage
  /** What has arrived so far. */
  text(): string
  events(): ReceivedEvent[]
  /** Waits until this many events have arrived. */
  until(count: number): Promise<ReceivedEvent[]>
}

const hosts: AdminHost[] = []
const streams: Stream[] = []
afterEach(async () => {
  for (const { request } of streams.splice(0)) request.destroy()
  for (const host of hosts.splice(0)) await host.close()
})

async function start(
  admin: Partial<Omit<AdminOptions, 'store'>> = {},
  options: AdminHostOptions = {},
): Promise<AdminHost> {
  const host = await startAdminHost({ admin, ...options })
  hosts.push(host)
  return host
}

async function open({ url }: AdminHost, query = '', headers: Record<string, string> = {}): Promise<Stream> {
  const request = httpRequest(`${url}/admin/events${query}`, { headers: { accept: 'text/event-stream', ...headers } })
  request.on('error', () => {}).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let received = ''
  response.setEncoding('utf8').on('data', (text) => {
    received += text
  })
  response.on('error', () => {})
  const events = () => [...received.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json))
  const until = async (count: number) => {
    for (let tries = 0; events().length < count; tries += 1) {
      if (tries > 500) throw new Error(`only ${events().length} events: ${received}`)
      await pause(10)
    }
    return events()
  }
  const stream = { request, response, text: () => received, events, until }
  streams.push(stream)
  return stream
}

/** Makes events: one for each name. */
async function disable({ exchange }: AdminHost, times = 1): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    await exchange.disableIdentityProvider('fixed')
    await exchange.enableIdentityProvider('fixed')
  }
}

describe.each([4, 5] as const)('the events of the admin API, on Express %s', (version) => {
  it('are answered in order, and then only those that are new', async () => {
    const host = await start({}, { express: version })
    await disable(host)
    const first = await host.ask('GET', '/events')
    const names = (answer: typeof first) => answer.body.events.map(({ name }: ReceivedEvent) => name)
    expect(names(first)).toEqual(['identity_provider.disabled', 'identity_provider.enabled'])
    const [one, two] = first.body.events as ReceivedEvent[]
    expect([two?.n, first.body.next]).toEqual([(one?.n ?? 0) + 1, two?.n])
    expect(one).toMatchObject({ data: { identityProvider: 'fixed' } })
    expect(Math.abs((one?.at ?? 0) - Date.now() / 1000)).toBeLessThan(20)
    const none = await host.ask('GET', `/events?after=${first.body.next}`)
    expect(none.body).toEqual({ events: [], next: first.body.next })
    await disable(host)
    expect(names(await host.ask('GET', `/events?after=${first.body.next}`))).toHaveLength(2)
    expect(names(await host.ask('GET', `/events?after=${one?.n}`))).toHaveLength(3)
  })

  it('are live with Accept: text/event-stream, from where the reader stopped', async () => {
    const host = await start({}, { express: version })
    await disable(host)
    const live = await open(host)
    expect(live.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-content-type-options': 'nosniff',
    })
    await disable(host)
    const events = await live.until(2)
    expect(events.map(({ name }) => name)).toEqual(['identity_provider.disabled', 'identity_provider.enabled'])
    expect(live.text()).toContain(`id: ${events[1]?.n}\ndata: {`)
    const again = await open(host, '?after=0', { 'last-event-id': String(events[0]?.n) })
    expect((await again.until(1))[0]).toEqual(events[1])
    expect((await (await open(host, '?after=0')).until(4)).slice(2)).toEqual(events)
  })
})

describe('the events of the admin API', () => {
  it('are at most maxEvents, the last ones', async () => {
    const host = await start({ maxEvents: 10 })
    await disable(host, 20)
    const { events } = (await host.ask('GET', '/events')).body
    expect(events).toHaveLength(10)
    expect(events.at(-1)).toMatchObject({ name: 'identity_provider.enabled' })
    const numbers = events.map(({ n }: ReceivedEvent) => n)
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other))
    expect((await host.ask('GET', '/events?after=0')).body.events).toEqual(events)
  })

  it('are all new to a reader of an earlier process', async () => {
    const earlier = await start()
    await disable(earlier)
    const { next } = (await earlier.ask('GET', '/events')).body
    const later = await start()
    await disable(later)
    expect((await later.ask('GET', `/events?after=${next}`)).body.events).toHaveLength(2)
    expect((await later.ask('GET', '/events?after=9007199254740991')).body.events).toHaveLength(2)
  })

  it.each(['after=-1', 'after=1.5', 'after=x', 'after=', 'after=99999999999999999', 'after=1&after=2', 'before=1'])(
    'are refused with the query %s',
    async (query) => {
      const { ask } = await start()
      expect((await ask('GET', `/events?${query}`)).status).toBe(400)
      expect((await ask('GET', `/events?${query}`, undefined, { accept: 'text/event-stream' })).status).toBe(400)
    },
  )

  it('have no stream for HEAD', async () => {
    const { ask } = await start()
    const answer = await ask('HEAD', '/events', undefined, { accept: 'text/event-stream' })
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json'])
  })

  it('have at most 20 streams, and a place again when one has left', async () => {
    const host = await start()
    for (let count = 0; count < 20; count += 1) expect((await open(host)).response.statusCode).toBe(200)
    const refused = await host.ask('GET', '/events', undefined, { accept: 'text/event-stream' })
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': '10' },
      body: { type: 'urn:express-jwt-exchange:problem:too-many-requests' },
    })
    expect((await host.ask('GET', '/events')).status).toBe(200)
    streams[0]?.request.destroy()
    for (let tries = 0; (await open(host)).response.statusCode !== 200; tries += 1) {
      if (tries > 100) throw new Error('no place')
      await pause(20)
    }
  })

  it('have no stream for a reader who leaves before authorize answers', async () => {
    const waiting: (() => void)[] = []
    const host = await start({
      authorize: async (req) => {
        if (req.headers['x-slow'] !== undefined) await new Promise<void>((resolve) => waiting.push(resolve))
        return true
      },
    })
    for (let count = 0; count < 25; count += 1) {
      const headers = { accept: 'text/event-stream', 'x-slow': '1' }
      const request = httpRequest(`${host.url}/admin/events`, { headers }).on('error', () => {})
      request.end()
      while (waiting.length === 0) await pause(5)
      request.destroy()
      await pause(10)
      waiting.pop()?.()
    }
    await pause(20)
    expect((await open(host)).response.statusCode).toBe(200)
  })

  it('end when the admin API is closed, so that the server can close', async () => {
    const host = await start()
    const live = await open(host)
    const ended = once(live.response, 'end')
    host.admin.close()
    await ended
    await disable(host)
    expect((await host.ask('GET', '/events')).body.events).toEqual([])
  })

  it('of explain never have the assertion', async () => {
    const host = await start()
    const assertion = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhLXNlY3JldC1zdWJqZWN0In0.'
    expect((await host.ask('POST', '/explain', { assertion })).status).toBe(200)
    const { text } = await host.ask('GET', '/events')
    expect(text).not.toContain(assertion)
    expect(text).not.toContain('a-secret-subject')
  })
})

describe('a reader that does not read', () => {
  it('costs no memory, and is cut off', async () => {
    const events = new ExchangeEventEmitter()
    const recent = new RecentEvents(events, 1000, () => Date.now() / 1000)
    const timers = new AdjustableTimers(new AdjustableClock())
    const live = new EventStreams(recent, timers)
    const { createServer } = await import('node:http')
    const opened: import('node:http').ServerResponse[] = []
    const server = createServer((_, res) => {
      opened.push(res)
      live.open(res, 0)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as import('node:net').AddressInfo
    const request = httpRequest({ port, host: '127.0.0.1' }).on('error', () => {})
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.on('error', () => {}).pause()
    const message = 'x'.repeat(1000)
    for (let count = 0; count < 50_000; count += 1) events.emit('config.refused', { message })
    const [res] = opened
    // The buffers of the operating system take some megabytes first.
    for (let fullTurns = 0; fullTurns < 100; fullTurns = res?.writableNeedDrain ? fullTurns + 1 : 0) {
      for (let count = 0; count < 500; count += 1) events.emit('config.refused', { message })
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(res?.writableLength).toBeLessThan(100_000)
    expect(res?.destroyed).toBe(false)
    const closed = once(res as NodeJS.EventEmitter, 'close')
    await timers.advance(31)
    await closed
    recent.close()
    await new Promise((resolve) => server.close(resolve))
  })
})
