import type { Timers } from '../clock/timers.js'
import { printable } from '../errors/printable.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type {
  AcceptorOfIssuer,
  LookupCause,
  RunTimeIdentityProviders,
} from '../identity-provider/run-time-identity-providers.js'
import type { RegistrationChange } from '../identity-provider-store/identity-provider-store.js'
import { isStorableName } from '../identity-provider-store/storable-registration.js'
import type { LoadedIssuerDeps, RunTimeConfiguration } from './loaded-issuer.js'
import { type KeptTimes, LoadedIssuers } from './loaded-issuers.js'
import { LookupAllowance } from './lookup-allowance.js'
import type { IdentityProviderLookupSettings } from './lookup-options.js'
import { beginWatch, createRegistrationSource, type RegistrationSource, type Watch } from './registration-source.js'
import { type ChangesMeanwhile, RunningLookups } from './running-lookups.js'
import { type LookupStats, SourceHealth } from './source-health.js'
import { SwitchedOff } from './switched-off.js'
import { UnknownIssuers } from './unknown-issuers.js'

export interface IdentityProviderLookupDeps extends LoadedIssuerDeps {
  timers: Timers
  events: ExchangeEventEmitter
}

/**
 * Looks identity providers up when an assertion needs them, one lookup at a time for each name, and keeps them ready. While the
 * source fails, it serves what it knows. It lasts as long as the exchange.
 */
export class IdentityProviderLookup implements RunTimeIdentityProviders {
  readonly #deps: IdentityProviderLookupDeps
  #settings: IdentityProviderLookupSettings
  #configuration: RunTimeConfiguration | undefined
  #source: RegistrationSource
  readonly #loaded: LoadedIssuers
  readonly #unknown: UnknownIssuers
  readonly #switchedOff: SwitchedOff
  readonly #running = new RunningLookups()
  readonly #allowance: LookupAllowance
  readonly #health: SourceHealth
  #watch: Watch | undefined

  constructor(settings: IdentityProviderLookupSettings, deps: IdentityProviderLookupDeps) {
    this.#settings = settings
    this.#deps = deps
    this.#source = createRegistrationSource(settings, deps.timers)
    this.#switchedOff = new SwitchedOff(
      () => this.#source.listDisabled,
      () => this.#settings.pollInterval,
      deps.timers,
    )
    this.#loaded = new LoadedIssuers(settings.maxIdentityProviders, { ...deps, switchedOff: this.#switchedOff })
    this.#unknown = new UnknownIssuers(deps.clock)
    this.#health = new SourceHealth(deps)
    this.#allowance = new LookupAllowance(deps.clock)
  }

  /** From now on by these options. What is loaded is read again when it is used next, and keeps its keys. */
  use(settings: IdentityProviderLookupSettings, configuration: RunTimeConfiguration): void {
    const isOtherSource = settings.find !== this.#settings.find
    this.#settings = settings
    this.#configuration = configuration
    this.#source = createRegistrationSource(settings, this.#deps.timers)
    this.#loaded.maxNames = settings.maxIdentityProviders
    if (isOtherSource) this.#noteAllChanged()
  }

  /** Begins to follow changes. Settles when it is known which identity providers are switched off, or that is not available. */
  start(): Promise<void> {
    const noteFault = (error: unknown) => this.#health.noteWatchFault(error)
    this.#watch ??= beginWatch(this.#source, (change) => this.#noteChange(change), noteFault)
    return this.#switchedOff.follow(!this.#watch.isRunning)
  }

  close(): void {
    this.#switchedOff.close()
    void this.#watch?.stop()
  }

  load(issuer: string, cause: LookupCause): Promise<void> | undefined {
    const kept = this.#loaded.use(issuer)
    if (kept === undefined) {
      return isStorableName(issuer) && !this.#unknown.has(issuer) ? this.#lookUpNew(issuer, cause) : undefined
    }
    const { loaded, recheckAt } = kept
    if (loaded.configuration !== this.#configuration) this.#put(issuer, loaded.entries, kept)
    return this.#now < recheckAt ? undefined : this.#lookUp(issuer)
  }

  ofIssuer(issuer: string): AcceptorOfIssuer | undefined {
    const kept = this.#loaded.get(issuer)
    if (kept !== undefined && kept.loaded.acceptor === undefined)
      throw new DependencyUnavailable('invalid_registration')
    return kept?.loaded.acceptor
  }

  find(id: string): IdentityProvider | undefined {
    return this.#loaded.find(id)
  }

  isDisabled(id: string): boolean {
    return this.#switchedOff.has(id) || this.#loaded.find(id)?.trust.isOn === false
  }

  all(): Iterable<IdentityProvider> {
    return this.#loaded.providers()
  }

  /** Switches one here, at once, whatever the store says. Returns whether that changes what was said here before. */
  switchHere(id: string, isOn: boolean): boolean {
    const isChanged = this.#switchedOff.switchHere(id, isOn)
    this.#loaded.setTrust(id, isOn && this.#loaded.isEnabled(id) !== false)
    return isChanged
  }

  /** The store has written it as a call in this process wanted. A watch reports it as well. */
  noteWritten(change: RegistrationChange): void {
    this.#switchedOff.switchHere(change.id, true)
    if (this.#source.watch === undefined) this.#noteChange(change)
    else this.#follow(change)
  }

  stats(): LookupStats {
    const sizes = { loaded: this.#loaded.size, unknown: this.#unknown.size, running: this.#running.size }
    return { ...sizes, lookups: this.#health.lookups, failedLookups: this.#health.failedLookups }
  }

  get #now(): number {
    return this.#deps.clock.monotonic()
  }

  async #lookUpNew(issuer: string, cause: LookupCause): Promise<void> {
    const running = this.#running.find(issuer)
    if (running !== undefined) return running
    if (this.#health.retryIn > 0) throw new DependencyUnavailable('identity_provider_lookup_failed')
    if (!this.#allowance.take(cause)) throw new DependencyUnavailable('identity_provider_lookup_limit_reached')
    await this.#lookUp(issuer)
    if (this.#loaded.get(issuer) !== undefined) this.#allowance.giveBack(cause)
  }

  #lookUp(issuer: string): Promise<void> {
    return this.#running.run(issuer, (changes) => this.#runLookup(issuer, changes))
  }

  async #runLookup(issuer: string, changes: ChangesMeanwhile): Promise<void> {
    let entries: readonly unknown[] | undefined
    try {
      entries = await changes.findLatest(() => this.#findEntries(issuer))
    } catch (error) {
      this.#health.noteFailure(error)
      return this.#serveStale(issuer, error)
    }
    this.#health.noteSuccess()
    if (entries === undefined) return this.#serveStale(issuer, undefined)
    const recheckAfter = this.#health.recheckAfter(this.#settings.pollInterval, this.#watch?.isRunning === true)
    this.#put(issuer, entries, { confirmedAt: this.#now, recheckAt: this.#now + recheckAfter })
  }

  /** Other names that have ids of these entries may have lost them. One that is looked up already may wait for this one. */
  async #findEntries(issuer: string): Promise<readonly unknown[]> {
    const entries = await this.#source.find(issuer)
    const owners = this.#loaded.ownersOf(issuer, entries).filter((name) => this.#running.find(name) === undefined)
    await Promise.allSettled(owners.map((name) => this.#lookUp(name)))
    return entries
  }

  #put(issuer: string, entries: readonly unknown[], times: KeptTimes): void {
    const configuration = this.#configuration
    if (configuration === undefined) throw new DependencyUnavailable('internal_error')
    if (entries.length > 0) {
      this.#unknown.delete(issuer)
      this.#loaded.put(issuer, entries, configuration, times)
      return
    }
    this.#loaded.remove(issuer)
    this.#unknown.add(issuer)
  }

  /** @throws DependencyUnavailable `identity_provider_lookup_failed` */
  #serveStale(issuer: string, cause: unknown): void {
    const kept = this.#loaded.get(issuer)
    if (kept !== undefined && this.#now - kept.confirmedAt < this.#settings.maxStale) {
      kept.recheckAt = this.#now + this.#health.retryIn
      return
    }
    throw new DependencyUnavailable('identity_provider_lookup_failed', { cause })
  }

  #noteChange(change: RegistrationChange | undefined): void {
    if (change === undefined) {
      this.#noteAllChanged()
      this.#switchedOff.noteAll(this.#source.watch === undefined)
      return
    }
    this.#follow(change)
    const event = { identityProvider: change.id, issuer: printable(change.name) }
    const { revision } = change
    if (revision === undefined) this.#deps.events.emit('identity_provider.removed', event)
    else this.#deps.events.emit('identity_provider.changed', { ...event, revision: printable(revision) })
  }

  #noteAllChanged(): void {
    this.#unknown.clear()
    this.#running.note(undefined)
    for (const name of this.#loaded.names()) this.#loaded.outdate(name)
  }

  #follow(change: RegistrationChange): void {
    const { id, name } = change
    this.#loaded.noteSwitch(change, this.#switchedOff.note(change))
    this.#running.note(change)
    this.#unknown.delete(name)
    const formerName = this.#loaded.find(id)?.name ?? name
    for (const each of new Set([name, formerName])) {
      if (this.#loaded.outdate(each)) this.#lookUp(each).catch(() => {}) // Reported by the source's health.
    }
  }
}
