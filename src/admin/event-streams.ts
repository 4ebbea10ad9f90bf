import type { ServerResponse } from 'node:http'
import type { Timers } from '../clock/timers.js'
import { AdminProblem } from './problem.js'
import type { RecentEvent, RecentEvents } from './recent-events.js'

/** Streams at the same time. */
const MAX_STREAMS = 20
/** Milliseconds. */
const HEARTBEAT = 15_000
/** Milliseconds after which a stream ends. The browser connects again, and is authorized again. */
const MAX_AGE = 600_000
/** Milliseconds for which a reader may leave what it was sent unread. */
const MAX_UNREAD = 30_000
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store, no-transform',
  'X-Accel-Buffering': 'no', // nginx would keep the events back.
}

/** Live events (server-sent events of the HTML standard). */
export class EventStreams {
  readonly #events: RecentEvents
  readonly #timers: Timers
  readonly #streams = new Set<EventStream>()

  constructor(events: RecentEvents, timers: Timers) {
    this.#events = events
    this.#timers = timers
  }

  /**
   * Sends all events after a number, until the caller leaves.
   *
   * @throws AdminProblem 429 if too many streams are open
   */
  open(res: ServerResponse, after: number): void {
    if (res.destroyed) return // The caller has left meanwhile, and nobody would say so again.
    if (this.#streams.size >= MAX_STREAMS) {
      const headers = { 'Retry-After': '10' }
      throw new AdminProblem('too-many-requests', `At most ${MAX_STREAMS} event streams may be open.`, { headers })
    }
    const stream = new EventStream(res, after, this.#events, this.#timers)
    this.#streams.add(stream)
    res.once('close', () => this.#streams.delete(stream))
    stream.start()
  }

  close(): void {
    for (const stream of this.#streams) stream.end()
  }
}

/** One reader. It has a place in the ring instead of a queue: a slow reader misses events, and costs no memory. */
class EventStream {
  readonly #res: ServerResponse
  readonly #events: RecentEvents
  readonly #timers: Timers
  readonly #cancels = new Map<string, () => void>()
  #after: number
  #isFull = false

  constructor(res: ServerResponse, after: number, events: RecentEvents, timers: Timers) {
    this.#res = res
    this.#after = after
    this.#events = events
    this.#timers = timers
  }

  start(): void {
    const stopListening = this.#events.onEvent(() => this.#sendNew())
    this.#res.on('drain', () => this.#continue())
    this.#res.once('close', () => {
      stopListening()
      for (const cancel of this.#cancels.values()) cancel()
    })
    this.#schedule('age', MAX_AGE, () => this.end())
    this.#res.writeHead(200, HEADERS)
    this.#write('retry: 3000\n\n')
    this.#beat()
    this.#sendNew()
  }

  end(): void {
    this.#res.end()
  }

  #beat(): void {
    if (!this.#isFull) this.#write(':\n\n')
    this.#schedule('heartbeat', HEARTBEAT, () => this.#beat())
  }

  #sendNew(): void {
    while (!this.#isFull && this.#res.writable) {
      const event = this.#events.findAfter(this.#after)
      if (event === undefined) return
      this.#after = event.n
      this.#write(frameOf(event))
    }
  }

  #write(text: string): void {
    this.#isFull = !this.#res.write(text)
    if (this.#isFull) this.#schedule('unread', MAX_UNREAD, () => this.#res.destroy())
  }

  #continue(): void {
    this.#isFull = false
    this.#cancels.get('unread')?.()
    this.#sendNew()
  }

  #schedule(name: string, milliseconds: number, callback: () => void): void {
    this.#cancels.get(name)?.()
    this.#cancels.set(name, this.#timers.inBackground(milliseconds, callback))
  }
}

/** JSON has no line break. */
function frameOf(event: RecentEvent): string {
  return `id: ${event.n}\ndata: ${JSON.stringify(event)}\n\n`
}
