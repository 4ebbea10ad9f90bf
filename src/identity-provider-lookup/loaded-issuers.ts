import { isDeepStrictEqual } from 'node:util'
import { fieldOf } from '../errors/field-of.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { RegistrationChange } from '../identity-provider-store/identity-provider-store.js'
import { IN_CODE, type OptionPath, type OptionProblem, writeProblem } from '../option-checks/config-error.js'
import {
  keysRefreshedAt,
  type LoadedIssuer,
  type LoadedIssuerDeps,
  loadIssuer,
  type RunTimeConfiguration,
} from './loaded-issuer.js'
import type { SwitchedOff } from './switched-off.js'

export interface LoadedIssuersDeps extends LoadedIssuerDeps {
  events: ExchangeEventEmitter
  switchedOff: SwitchedOff
}

/** How sure we are that an issuer is still as it was found: on the monotonic clock, in milliseconds. */
export interface KeptTimes {
  /** When the source last said so. */
  confirmedAt: number
  /** When it is to be looked up again. */
  recheckAt: number
}

interface KeptIssuer extends KeptTimes {
  loaded: LoadedIssuer
}

/** Milliseconds after which an issuer is looked up again whose entries have an id of another one: that may lose it. */
const RECHECK_SHARED_ID = 1000

/** The issuers that are kept ready with their keys, the least recently used one first. */
export class LoadedIssuers {
  readonly #deps: LoadedIssuersDeps
  readonly #byName = new Map<string, KeptIssuer>()
  readonly #byId = new Map<string, IdentityProvider>()
  #isEvicting = false
  /** How many there may be. */
  maxNames: number

  constructor(maxNames: number, deps: LoadedIssuersDeps) {
    this.maxNames = maxNames
    this.#deps = deps
  }

  get size(): number {
    return this.#byName.size
  }

  /** Marks it as used. */
  use(name: string): KeptIssuer | undefined {
    const kept = this.#byName.get(name)
    if (kept === undefined) return undefined
    this.#byName.delete(name)
    this.#byName.set(name, kept)
    return kept
  }

  get(name: string): KeptIssuer | undefined {
    return this.#byName.get(name)
  }

  find(id: string): IdentityProvider | undefined {
    return this.#byId.get(id)
  }

  providers(): Iterable<IdentityProvider> {
    return this.#byId.values()
  }

  names(): Iterable<string> {
    return this.#byName.keys()
  }

  /** Its next use looks it up. False if it is not kept. */
  outdate(name: string): boolean {
    const kept = this.#byName.get(name)
    if (kept !== undefined) kept.recheckAt = Number.NEGATIVE_INFINITY
    return kept !== undefined
  }

  /** The source has these entries now. Nothing is created if they are the same as before. */
  put(name: string, entries: readonly unknown[], configuration: RunTimeConfiguration, times: KeptTimes): void {
    const { confirmedAt } = times
    const before = this.#byName.get(name)?.loaded
    const isSame =
      before?.configuration === configuration &&
      isDeepStrictEqual(before.entries, entries) &&
      before.hasSharedId !== true
    const loaded = isSame ? before : this.#withoutSharedIds(loadIssuer(entries, before, configuration, this.#deps))
    const soon = loaded.hasSharedId === true ? confirmedAt + RECHECK_SHARED_ID : Number.POSITIVE_INFINITY
    this.#byName.set(name, { loaded, confirmedAt, recheckAt: Math.min(times.recheckAt, soon) })
    if (loaded !== before) this.#replace(before, loaded)
    const isReported = isDeepStrictEqual(before?.problems, loaded.problems)
    if (loaded.problems.length > 0 && !isReported) this.#reportProblems(name, loaded.problems)
    this.#evictLater()
  }

  /** The names of other issuers that have ids of these entries. */
  ownersOf(name: string, entries: readonly unknown[]): readonly string[] {
    const owners = entries.map((entry) => {
      const id = fieldOf(entry, 'id') ?? name
      return (typeof id === 'string' ? this.#byId.get(id)?.name : undefined) ?? name
    })
    return [...new Set(owners)].filter((owner) => owner !== name)
  }

  /** Running requests of its identity providers are refused as well. */
  remove(name: string): boolean {
    const kept = this.#byName.get(name)
    if (kept === undefined) return false
    this.#byName.delete(name)
    this.#end(kept.loaded, new Set())
    for (const { provider } of kept.loaded.providers) provider.trust.configure(false)
    return true
  }

  /** @param isSwitched whether it was on and is off now, or the other way round */
  noteSwitch({ id, enabled }: RegistrationChange, isSwitched: boolean): void {
    if (this.#byId.has(id)) {
      if (!enabled) this.setTrust(id, false) // It is on again when its entry was looked up.
    } else if (isSwitched) {
      const event = enabled ? 'identity_provider.enabled' : 'identity_provider.disabled'
      this.#deps.events.emit(event, { identityProvider: id })
    }
  }

  /** Trusts one as far as its entry and calls in this process say so. */
  setTrust(id: string, isEnabled: boolean): void {
    const provider = this.#byId.get(id)
    if (provider === undefined) return
    const { trust } = provider
    const wasOn = trust.isOn
    trust.configure(isEnabled && !this.#deps.switchedOff.isOffHere(id))
    if (trust.isOn === wasOn) return
    const event = trust.isOn ? 'identity_provider.enabled' : 'identity_provider.disabled'
    this.#deps.events.emit(event, { identityProvider: id })
  }

  /** What the entry of a loaded one says; undefined if it is not loaded. */
  isEnabled(id: string): boolean | undefined {
    const name = this.#byId.get(id)?.name
    const kept = name === undefined ? undefined : this.#byName.get(name)
    return kept?.loaded.providers.find(({ provider }) => provider.id === id)?.isEnabled
  }

  #replace(before: LoadedIssuer | undefined, loaded: LoadedIssuer): void {
    const isNew = (id: string) => before?.providers.some(({ provider }) => provider.id === id) !== true
    const kept = new Set(loaded.providers.map(({ provider }) => provider.id))
    for (const { provider, isEnabled } of loaded.providers) {
      const { id, trust, keySource } = provider
      this.#byId.set(id, provider)
      this.#deps.switchedOff.noteLoaded(id, isEnabled)
      if (isNew(id)) trust.configure(isEnabled && !this.#deps.switchedOff.isOffHere(id))
      else this.setTrust(id, isEnabled)
      const isAskedForLatest = before !== undefined && keysRefreshedAt(loaded, id) > keysRefreshedAt(before, id)
      if (isAskedForLatest && !isNew(id)) keySource.refreshKeys().catch(() => {}) // Reported by `jwks.failed`.
    }
    if (before === undefined) return
    for (const { provider } of before.providers) if (!kept.has(provider.id)) provider.trust.configure(false)
    this.#end(before, kept)
  }

  #end(loaded: LoadedIssuer, kept: ReadonlySet<string>): void {
    for (const { provider } of loaded.providers) {
      if (!kept.has(provider.id) && this.#byId.get(provider.id) === provider) this.#byId.delete(provider.id)
    }
    loaded.end()
  }

  /** An id is an identity: with two owners, the access tokens of one would look like those of the other. */
  #withoutSharedIds(loaded: LoadedIssuer): LoadedIssuer {
    const shared = loaded.providers.filter(({ provider: { id, name } }) => (this.#byId.get(id)?.name ?? name) !== name)
    if (shared.length === 0) return loaded
    loaded.end()
    const text = 'an identity provider with another name has this `id`; choose another one'
    const problems = shared.map((): OptionProblem => {
      const path: OptionPath = [0, 'id']
      return { code: 'not_unique', path, table: [], text }
    })
    return { ...loaded, acceptor: undefined, providers: [], problems, hasSharedId: true, end: () => {} }
  }

  #reportProblems(name: string, problems: readonly OptionProblem[]): void {
    const message = problems
      .map((problem) => writeProblem(problem, IN_CODE))
      .map(({ path, message: text }) => `${path.slice(1).join('.')}: ${text}`)
      .join('; ')
    this.#deps.events.emit('identity_provider.invalid', { issuer: printable(name), message })
  }

  /** When the requests that have waited for a lookup know what they use: many names may be looked up at once. */
  #evictLater(): void {
    if (this.#isEvicting || this.#byName.size <= this.maxNames) return
    this.#isEvicting = true
    setImmediate(() => {
      this.#isEvicting = false
      this.#evict()
    })
  }

  /** Their used assertions stay used, and requests that are running keep their keys. */
  #evict(): void {
    for (const [name, { loaded }] of this.#byName) {
      if (this.#byName.size <= this.maxNames) return
      this.#byName.delete(name)
      this.#end(loaded, new Set())
    }
  }
}
