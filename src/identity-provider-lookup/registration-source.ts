import { isPromise } from 'node:util/types'
import { settleInTime, type Timers } from '../clock/timers.js'
import { fieldOf } from '../errors/field-of.js'
import type { IdentityProviderStore, RegistrationChange } from '../identity-provider-store/identity-provider-store.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { IdentityProviderLookupSettings } from './lookup-options.js'

/** Where identity providers are looked up, within the bounds of the options: a store, or a function of the host. */
export interface RegistrationSource {
  /** The entries with this name. Entries with another one are left out: some databases ignore case. */
  find(name: string): Promise<readonly unknown[]>
  /** The ids of all that are switched off. Absent if they cannot be listed. */
  listDisabled?(): Promise<ReadonlySet<string>>
  /** Absent if changes are not reported. As the store has it, which may return anything, and throw. */
  watch?(onChange: (change?: RegistrationChange) => void, onError: (error: unknown) => void): unknown
}

export interface Watch {
  isRunning: boolean
  /** Never rejects: a watch that cannot be stopped is not in use any more. */
  stop(): Promise<void>
}

const PAGE = 1000
/** More would not fit in memory, and mean that the store answers nonsense. */
const MAX_DISABLED = 1_000_000

export function createRegistrationSource(settings: IdentityProviderLookupSettings, timers: Timers): RegistrationSource {
  const { store, find, timeout } = settings
  const inTime: InTime = (call) => callInTime(call, timeout, timers)
  if (store === undefined) {
    return { find: async (name) => entriesNamed(name, await inTime((signal) => find?.(name, signal))) }
  }
  return {
    find: async (name) => entriesNamed(name, await inTime(() => store.find(name))),
    listDisabled: () => listDisabled(store, inTime),
    ...(store.watch !== undefined && { watch: (onChange, onError) => store.watch?.(onChange, onError) }),
  }
}

/**
 * Begins to watch. A report that cannot be read means that anything may have changed. If the watch fails at once, the source is as
 * one without a watch.
 */
export function beginWatch(
  source: Pick<RegistrationSource, 'watch'>,
  onChange: (change?: RegistrationChange) => void,
  onError: (error: unknown) => void,
): Watch {
  let isOver = source.watch === undefined
  let end: unknown
  try {
    end = source.watch?.(
      (change) => isOver || onChange(isChange(change) ? change : undefined),
      (error) => isOver || onError(error),
    )
    if (isPromise(end)) {
      end.catch(() => {})
      throw new TypeError('`watch` returned a promise; expected a function')
    }
  } catch (error) {
    isOver = true
    onError(error)
  }
  const isRunning = !isOver
  const stop = async () => {
    isOver = true
    if (typeof end === 'function') await end()
  }
  return { isRunning, stop: () => stop().catch(() => {}) }
}

type InTime = <Result>(call: (signal: AbortSignal) => Result | Promise<Result>) => Promise<Result>

async function callInTime<Result>(
  call: (signal: AbortSignal) => Result | Promise<Result>,
  timeout: number,
  timers: Timers,
): Promise<Result> {
  const controller = new AbortController()
  return settleInTime(Promise.resolve(call(controller.signal)), timeout, timers, () => {
    const error = new Error(`no answer within ${timeout} ms`)
    controller.abort(error)
    return error
  })
}

function entriesNamed(name: string, found: unknown): readonly unknown[] {
  if (found === undefined || found === null) return []
  const entries: unknown[] = Array.isArray(found) ? found : [found]
  return entries.filter((entry) => fieldOf(entry, 'name') === name).map(snapshotOf)
}

/** An entry that cannot be read is a problem of its own name, later. */
function snapshotOf(entry: unknown): unknown {
  try {
    return copyOf(entry, new Map())
  } catch {
    return entry
  }
}

/**
 * A copy of its objects and arrays, but not of functions and instances: the host may return the same object each time, and
 * change it. That must neither go unnoticed, nor change what is in use.
 */
function copyOf(value: unknown, copies: Map<unknown, unknown>): unknown {
  if (!Array.isArray(value) && !isPlainObject(value)) return value
  if (copies.has(value)) return copies.get(value)
  const copy: unknown[] | Record<string, unknown> = Array.isArray(value) ? [] : {}
  copies.set(value, copy)
  for (const [key, member] of Object.entries(value)) {
    Object.defineProperty(copy, key, {
      value: copyOf(member, copies),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return copy
}

async function listDisabled(store: IdentityProviderStore, inTime: InTime): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  let after: string | undefined
  for (;;) {
    const options = { enabled: false, limit: PAGE, ...(after !== undefined && { after }) }
    const page = await inTime(() => store.list(options))
    for (const { id } of page) ids.add(id)
    const last = page.at(-1)?.id
    if (page.length < PAGE || last === undefined || last === after || ids.size > MAX_DISABLED) return ids
    after = last
  }
}

function isChange(change: unknown): change is RegistrationChange {
  const isText = (name: string) => typeof fieldOf(change, name) === 'string'
  const isRevision = isText('revision') || fieldOf(change, 'revision') === undefined
  return isText('id') && isText('name') && isRevision && typeof fieldOf(change, 'enabled') === 'boolean'
}
