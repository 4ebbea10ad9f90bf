import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { type ApiAnswer, type ApiFailure, callApi, toApiFailure } from './admin-api.js'

export interface Requested<Body> {
  /** The last answer for this path. It stays while another request for it is under way, or after that failed. */
  answer: ApiAnswer<Body> | undefined
  /** The last answer for this path, or else for the one before. */
  latest: ApiAnswer<Body> | undefined
  /** Why the last request failed; undefined if it did not. */
  failure: ApiFailure | undefined
  reload(): void
}

interface Outcome<Body> {
  path: string
  answer?: ApiAnswer<Body> | undefined
  failure?: ApiFailure | undefined
}

/**
 * Requests a path, and again at each interval while the page is visible.
 *
 * @param path undefined requests nothing
 * @param interval milliseconds; undefined: only once
 */
export function useRequest<Body>(path: string | undefined, interval?: number): Requested<Body> {
  const [outcome, setOutcome] = useState<Outcome<Body>>()
  const [turn, setTurn] = useState(0)
  const running = useRef<AbortController>(undefined)
  const load = useCallback(async () => {
    if (path === undefined) return
    running.current?.abort()
    const controller = new AbortController()
    running.current = controller
    const { signal } = controller
    const settle = (settled: Omit<Outcome<Body>, 'path'>) => {
      if (!signal.aborted)
        setOutcome((before) => ({ ...(before?.path === path && { answer: before.answer }), path, ...settled }))
    }
    await callApi<Body>(path, { signal }).then(
      (answer) => settle({ answer, failure: undefined }),
      (error: unknown) => settle({ failure: toApiFailure(error) }),
    )
  }, [path])
  useEffect(() => {
    void load()
    return () => running.current?.abort()
  }, [load, turn])
  useRepeated(load, path === undefined ? undefined : interval)
  const current = outcome?.path === path ? outcome : undefined
  const reload = () => setTurn((before) => before + 1)
  return { answer: current?.answer, latest: outcome?.answer, failure: current?.failure, reload }
}

/** @param interval milliseconds; undefined: never */
export function useRepeated(act: () => void, interval: number | undefined): void {
  useEffect(() => {
    if (interval === undefined) return
    const timer = setInterval(() => {
      if (!document.hidden) act()
    }, interval)
    return () => clearInterval(timer)
  }, [act, interval])
}
