import { callApi, toApiFailure } from './admin-api.js'

/** Something that happened in the exchange. */
export interface ExchangeEvent {
  /** Grows by one with each event. */
  n: number
  /** Seconds since the epoch. */
  at: number
  name: string
  data: Readonly<Record<string, unknown>>
}

export type Connection = 'connecting' | 'live' | 'lost'

export interface EventListeners {
  /** @param events the oldest first */
  onEvents(events: readonly ExchangeEvent[]): void
  /** @param problem why the connection was lost, if the API says so */
  onConnection(connection: Connection, problem?: string): void
}

/** Milliseconds after which a refused connection is tried again. */
const RETRY_INTERVAL = 2000

/** Reads the recent events, and then each one as it happens, until it is stopped. After an interruption none is missing. */
export class EventFollower {
  readonly #listeners: EventListeners
  #source: EventSource | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false
  #last: number | undefined

  constructor(listeners: EventListeners) {
    this.#listeners = listeners
  }

  async start(): Promise<void> {
    const query = this.#last === undefined ? '' : `?after=${this.#last}`
    try {
      const { body } = await callApi<{ events: ExchangeEvent[]; next: number }>(`events${query}`)
      if (this.#isStopped) return
      this.#last = body.next
      this.#listeners.onEvents(body.events)
      this.#open(body.next)
    } catch (error) {
      this.#startAgain(toApiFailure(error).message)
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#source?.close()
    clearTimeout(this.#timer)
  }

  #open(after: number): void {
    const source = new EventSource(`events?after=${after}`)
    this.#source = source
    source.addEventListener('open', () => this.#listeners.onConnection('live'))
    source.addEventListener('message', ({ data }) => {
      const event: ExchangeEvent = JSON.parse(data)
      this.#last = event.n
      this.#listeners.onEvents([event])
    })
    source.addEventListener('error', () => {
      // The browser connects again by itself, unless the server has refused.
      if (source.readyState === EventSource.CLOSED) this.#startAgain()
      else this.#listeners.onConnection('lost')
    })
  }

  #startAgain(problem?: string): void {
    if (this.#isStopped) return
    this.#listeners.onConnection('lost', problem)
    this.#timer = setTimeout(() => void this.start(), RETRY_INTERVAL)
  }
}
