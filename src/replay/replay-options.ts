import type { OptionReader } from '../option-checks/option-reader.js'
import type { ReplayStore } from './replay-store.js'

/**
 * How used assertions are remembered, so that none is accepted twice.
 *
 * @example
 * const replay: ReplayOptions = { store: new PostgresReplayStore(pool), timeout: 500 }
 */
export interface ReplayOptions {
  /** Where used assertions are remembered. Default: the memory of this process, which all its exchanges share. */
  store?: ReplayStore
  /** Milliseconds that a call of the store may take, 10 to 60 000. After that the request is answered with 503. Default: 1000. */
  timeout?: number
  /**
   * How many entries of this exchange the memory of the process holds, 1 to 10 000 000. When it is full, assertions are
   * refused with 503. With several identity providers, none may hold more entries than are free. Default: 1 000 000.
   */
  maxEntries?: number
}

export interface ReplaySettings {
  /** undefined: the memory of this process. */
  store: ReplayStore | undefined
  timeout: number
  maxEntries: number
}

export function readMaxEntries(reader: OptionReader): number {
  return reader.integer('maxEntries', { min: 1, max: 10_000_000, default: 1_000_000, unit: 'entries' })
}

export function readReplayOptions(reader: OptionReader): ReplaySettings {
  const settings = {
    store: readStore(reader),
    timeout: reader.integer('timeout', { min: 10, max: 60_000, default: 1000, unit: 'milliseconds' }),
    maxEntries: readMaxEntries(reader),
  }
  reader.refuseUnknown()
  return settings
}

function readStore(reader: OptionReader): ReplayStore | undefined {
  const store = reader.hostObject('store')
  const isStore =
    typeof store === 'object' && store !== null && 'markUsed' in store && typeof store.markUsed === 'function'
  if (store !== undefined && !isStore)
    reader.problem('store', 'a replay store: an object with the function `markUsed`', undefined, 'wrong_type')
  if (isStore) checkMembers(reader, store)
  return store as ReplayStore | undefined
}

function checkMembers(reader: OptionReader, store: object): void {
  const isShared: unknown = Reflect.get(store, 'isShared')
  if (isShared !== undefined && typeof isShared !== 'boolean') {
    const got = `a store whose \`isShared\` is a ${typeof isShared}`
    reader.problem('store', 'true or false, or a store without this member', got, 'wrong_type')
  }
  for (const name of ['fillLevel', 'findRisk']) {
    const member: unknown = Reflect.get(store, name)
    if (member === undefined || typeof member === 'function') continue
    const got = `a store whose \`${name}\` is a ${typeof member}`
    reader.problem('store', 'a function, or a store without this member', got, 'wrong_type')
  }
}
