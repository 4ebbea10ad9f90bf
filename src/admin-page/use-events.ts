import { useEffect, useRef, useState } from 'preact/hooks'
import { type Connection, EventFollower, type ExchangeEvent } from './event-follower.js'

export interface LiveEvents {
  /** The newest first. */
  events: readonly ExchangeEvent[]
  connection: Connection
  /** Why the connection was lost, if the API says so. */
  problem: string | undefined
}

/** How many are kept. */
const MAX_EVENTS = 1000
/** Milliseconds for which events are collected before they are shown: many may come at once. */
const PAUSE = 200

/** The recent events, and then each one as it happens. */
export function useEvents(): LiveEvents {
  const [live, setLive] = useState<LiveEvents>({ events: [], connection: 'connecting', problem: undefined })
  const collected = useRef<ExchangeEvent[]>([])
  useEffect(() => {
    const follower = new EventFollower({
      onEvents: (events) => void collected.current.push(...events),
      onConnection: (connection, problem) => setLive((before) => ({ ...before, connection, problem })),
    })
    void follower.start()
    const timer = setInterval(() => {
      const added = collected.current.splice(0).toReversed()
      if (added.length > 0)
        setLive((before) => ({ ...before, events: [...added, ...before.events].slice(0, MAX_EVENTS) }))
    }, PAUSE)
    return () => {
      follower.stop()
      clearInterval(timer)
    }
  }, [])
  return live
}
