import type { Clock } from '../clock/clock.js'
import { pause, type Timers } from '../clock/timers.js'
import type { BoundedFetch } from './bounded-fetch.js'
import { toJwksFetchError } from './fetch-error.js'

/** A fetch before it is known when it must end. */
export type Untimed<Fetch extends BoundedFetch> = Omit<Fetch, 'totalTimeout' | 'now'>

export interface FetchWithRetriesDeps {
  clock: Clock
  timers: Timers
}

/** Milliseconds before the connection is tried again. */
const RETRY_PAUSE = 100
const CONNECTION_LOST = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE']

/**
 * Fetches something, and tries again if the connection is refused or reset. All attempts together take no longer than one
 * may.
 *
 * @throws JwksFetchError
 */
export async function fetchWithRetries<Fetch extends BoundedFetch, Answer>(
  fetch: (fetched: Fetch, closing: AbortSignal) => Promise<Answer>,
  fetched: Untimed<Fetch>,
  retries: number,
  closing: AbortSignal,
  { clock, timers }: FetchWithRetriesDeps,
): Promise<Answer> {
  const endsAt = clock.monotonic() + fetched.limits.connectionTimeout + fetched.limits.readTimeout
  for (let retriesLeft = retries; ; retriesLeft -= 1) {
    try {
      const times = { totalTimeout: endsAt - clock.monotonic(), now: clock.now() }
      return await fetch({ ...fetched, ...times } as Fetch, closing)
    } catch (error) {
      const isConnectionLost = CONNECTION_LOST.includes(toJwksFetchError(error, 'read_failed').code ?? '')
      if (retriesLeft <= 0 || !isConnectionLost || endsAt - clock.monotonic() <= RETRY_PAUSE) throw error
      await pause(RETRY_PAUSE, timers)
    }
  }
}
