import { useEffect, useRef, useState } from 'preact/hooks'
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

export interface LiveEvents {
  /** The newest first. */
  events: readonly ExchangeEvent[]
  connection: 'connecting' | 'live' | 'lost'
  /** Why the events of before could not be read. */
  problem: string | undefined
}

/** How many are kept. */
const MAX_EVENTS = 1000
/** Milliseconds for which events are collected before they are shown. */
const PAUSE = 200

/** The recent events, and then each one as it happens. */
export function useEvents(): LiveEvents {
  const [live, setLive] = useState<LiveEvents>({ events: [], connection: 'connecting', problem: undefined })
  const collected = useRef<ExchangeEvent[]>([])
  useEffect(() => {
    const set = (part: Partial<LiveEvents>) => setLive((before) => ({ ...before, ...part }))
    let source: EventSource | undefined
    let isLeft = false
    const follow = (after: number) => {
      if (isLeft) return
      source = new EventSource(`events?after=${after}`)
      source.addEventListener('open', () => set({ connection: 'live' }))
      // The browser connects again by itself, unless the server refuses.
      source.addEventListener('error', () => set({ connection: 'lost' }))
      source.addEventListener('message', ({ data }) => collected.current.push(JSON.parse(data)))
    }
    callApi<{ events: ExchangeEvent[]; next: number }>('events').then(
      ({ body }) => {
        setLive((before) => ({ ...before, events: merged(before.events, body.events) }))
        follow(body.next)
      },
      (error: unknown) => set({ connection: 'lost', problem: toApiFailure(error).message }),
    )
    const timer = setInterval(() => {
      const added = collected.current.splice(0)
      if (added.length > 0) setLive((before) => ({ ...before, events: merged(before.events, added) }))
    }, PAUSE)
    return () => {
      isLeft = true
      source?.close()
      clearInterval(timer)
    }
  }, [])
  return live
}

function merged(before: readonly ExchangeEvent[], added: readonly ExchangeEvent[]): readonly ExchangeEvent[] {
  return [...added.toReversed(), ...before].slice(0, MAX_EVENTS)
}
