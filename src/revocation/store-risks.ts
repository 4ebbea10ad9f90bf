import cluster from 'node:cluster'
import { isMainThread } from 'node:worker_threads'
import { inOneLine } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { RevocationSettings } from './revocation-options.js'

/** Reports a store that other processes do not share, if there certainly are other processes. */
export function reportUnsharedRevocations({ isOn, store }: RevocationSettings, events: ExchangeEventEmitter): void {
  const isShared = store === undefined ? false : store.isShared
  const workers = cluster.isWorker ? 'Each worker of the cluster' : isMainThread ? undefined : 'Each worker thread'
  if (!isOn || isShared !== false || workers === undefined) return
  const message = `${workers} has its own memory of revocations, so it accepts a token that was revoked in another: set revocation.store to a store that all share`
  events.emit('revocation_store.at_risk', { message })
}

/** Reports what the store says that it may forget. To be called when it was read, because it is certainly reachable then. */
export async function reportStoreRisk({ store }: RevocationSettings, events: ExchangeEventEmitter): Promise<void> {
  try {
    const risk: unknown = await store?.findRisk?.()
    if (typeof risk === 'string') events.emit('revocation_store.at_risk', { message: inOneLine(risk) })
  } catch {
    // A database may allow reads, but not reading its configuration.
  }
}
