import cluster from 'node:cluster'
import { isMainThread } from 'node:worker_threads'
import type { Clock } from '../clock/clock.js'
import { systemTimers } from '../clock/timers.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { memoryOfProcess } from './replay-memory.js'
import type { ReplaySettings } from './replay-options.js'
import { ReplayProtection } from './replay-protection.js'
import { ReplayRoom } from './replay-room.js'

export interface ReplayProtectionOwner {
  clock: Clock
  events: ExchangeEventEmitter
}

/** The protection of one exchange, by its store or by the memory of the process. */
export function createReplayProtection(replay: ReplaySettings, { clock, events }: ReplayProtectionOwner) {
  const { store = new ReplayRoom(memoryOfProcess(clock), replay.maxEntries), timeout } = replay
  return new ReplayProtection({
    store,
    timeout,
    timers: systemTimers,
    reportRisk: (message) => events.emit('replay_store.at_risk', { message }),
    reportFilling: (filling) => events.emit('replay_store.filling', filling),
  })
}

/** Reports a store that only this process knows, if there are certainly others. */
export function reportUnsharedStore({ store }: ReplaySettings, events: ExchangeEventEmitter): void {
  const isShared = store === undefined ? false : store.isShared
  const workers = cluster.isWorker ? 'Each worker of the cluster' : isMainThread ? undefined : 'Each worker thread'
  if (isShared !== false || workers === undefined) return
  const message = `${workers} has its own memory of used assertions, so it accepts an assertion that another has already accepted: set replay.store to a store that all share`
  events.emit('replay_store.at_risk', { message })
}
