import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import type { RevocationStore } from './revocation-store.js'

/**
 * Whether access tokens can be revoked before they expire, and where revocations are kept.
 *
 * @example
 * const revocation: RevocationOptions = { store: new MemoryRevocationStore(), maxStale: 5000 }
 */
export interface RevocationOptions {
  /**
   * `check`: routes and the introspection endpoint refuse revoked tokens, and `POST /revoke` is served. `off`: nothing of that.
   * Default: `check` if the option `revocation` is there, otherwise `off`.
   */
  mode?: 'check' | 'off'
  /** Where revocations are kept. Default: the memory of this exchange, which no other process sees. */
  store?: RevocationStore
  /** Milliseconds between two reads of the store, 50 to 60 000. A store that reports changes is also read at once. Default: 500. */
  pollInterval?: number
  /**
   * Milliseconds, 100 to 3 600 000: if the store could not be read for so long, each access token is answered with 503. At least
   * twice `pollInterval`. Default: 10 000.
   */
  maxStale?: number
  /** Milliseconds that one call of the store may take, 10 to 60 000. Default: 1000. */
  timeout?: number
  /**
   * How many revocations this process keeps in memory, 1 to 10 000 000. From nine tenths on `POST /revoke` answers 503. With more
   * than this in the store, each access token is answered with 503 after `maxStale`. Default: 1 000 000.
   */
  maxEntries?: number
}

export interface RevocationSettings {
  isOn: boolean
  /** undefined: the memory of the exchange. */
  store: RevocationStore | undefined
  pollInterval: number
  maxStale: number
  timeout: number
  maxEntries: number
}

/** @param isThere whether the option `revocation` is there at all */
export function readRevocationOptions(reader: OptionReader, isThere: boolean): RevocationSettings {
  const settings = {
    isOn: reader.oneOf('mode', ['check', 'off'], isThere ? 'check' : 'off') === 'check',
    store: readStore(reader),
    pollInterval: reader.integer('pollInterval', { min: 50, max: 60_000, default: 500, unit: 'milliseconds' }),
    maxStale: reader.integer('maxStale', { min: 100, max: 3_600_000, default: 10_000, unit: 'milliseconds' }),
    timeout: reader.integer('timeout', { min: 10, max: 60_000, default: 1000, unit: 'milliseconds' }),
    maxEntries: reader.integer('maxEntries', { min: 1, max: 10_000_000, default: 1_000_000, unit: 'entries' }),
  }
  if (settings.maxStale < 2 * settings.pollInterval) {
    const key = reader.has('maxStale') ? 'maxStale' : 'pollInterval'
    const toDo = `make ${option('maxStale')} at least twice ${option('pollInterval')}`
    reader.note('conflict', key, `the store would count as stale between two reads; ${toDo}`)
  }
  reader.refuseUnknown()
  return settings
}

function readStore(reader: OptionReader): RevocationStore | undefined {
  const store = reader.hostObject('store')
  if (store === undefined) return undefined
  const isStore = typeof store === 'object' && ['add', 'read'].every((name) => isFunction(store, name))
  if (!isStore) {
    reader.problem(
      'store',
      'a revocation store: an object with the functions `add` and `read`',
      undefined,
      'wrong_type',
    )
  } else checkMembers(reader, store)
  return store as RevocationStore
}

function checkMembers(reader: OptionReader, store: unknown): void {
  const isShared: unknown = Reflect.get(Object(store), 'isShared')
  if (isShared !== undefined && typeof isShared !== 'boolean') {
    const got = `a store whose \`isShared\` is a ${typeof isShared}`
    reader.problem('store', 'true or false, or a store without this member', got, 'wrong_type')
  }
  for (const name of ['watch', 'findRisk']) checkFunction(reader, name, Reflect.get(Object(store), name))
}

function checkFunction(reader: OptionReader, name: string, member: unknown): void {
  if (member === undefined || typeof member === 'function') return
  const got = `a store whose \`${name}\` is a ${typeof member}`
  reader.problem('store', 'a function, or a store without this member', got, 'wrong_type')
}

function isFunction(object: unknown, name: string): boolean {
  return typeof Reflect.get(Object(object), name) === 'function'
}
