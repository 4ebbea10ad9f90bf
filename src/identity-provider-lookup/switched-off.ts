import type { Timers } from '../clock/timers.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import type { RegistrationChange } from '../identity-provider-store/identity-provider-store.js'
import type { RegistrationSource } from './registration-source.js'

/** Milliseconds after which the list is read again if anything has changed while it was read. */
const RELIST_AFTER = 100

/**
 * Which identity providers are switched off, loaded or not: their access tokens are refused. All of them are listed once, and
 * then followed.
 */
export class SwitchedOff {
  readonly #lister: () => RegistrationSource['listDisabled']
  readonly #timers: Timers
  /** Milliseconds. */
  readonly #interval: () => number
  #listed: Set<string> | undefined
  /** Switched off by a call in this process, and not known to be so in the store. */
  readonly #here = new Set<string>()
  /** Removed while they were switched off. */
  readonly #removed = new Set<string>()
  /** Changes that were reported while the list is read: it may be older than they are. */
  #changesMeanwhile: RegistrationChange[] | undefined
  #listing: Promise<void> | undefined
  /** Whether the list that is read may be older than what it shall have. */
  #isOutdated = false
  #isClosed = false
  #cancelNext = () => {}

  /** @param lister gives the function that lists them; undefined if nobody can */
  constructor(lister: () => RegistrationSource['listDisabled'], interval: () => number, timers: Timers) {
    this.#lister = lister
    this.#interval = interval
    this.#timers = timers
    if (lister() === undefined) this.#listed = new Set()
  }

  /** @throws DependencyUnavailable `identity_provider_lookup_failed` as long as the list was never read */
  has(id: string): boolean {
    if (this.#here.has(id) || this.#removed.has(id)) return true
    if (this.#listed === undefined) throw new DependencyUnavailable('identity_provider_lookup_failed')
    return this.#listed.has(id)
  }

  isOffHere(id: string): boolean {
    return this.#here.has(id)
  }

  /** @returns whether that changes anything here */
  switchHere(id: string, isOn: boolean): boolean {
    const wasOn = !this.#here.has(id)
    if (isOn) this.#here.delete(id)
    else this.#here.add(id)
    return wasOn !== isOn
  }

  /** What a lookup has just found is newer than the list. */
  noteLoaded(id: string, isEnabled: boolean): void {
    if (isEnabled) this.#listed?.delete(id)
    else this.#listed?.add(id)
  }

  /**
   * One that was switched off and is then removed stays off here: its access tokens may still be in use.
   *
   * @returns whether this switches it off, or on again
   */
  note(change: RegistrationChange): boolean {
    const { id, revision, enabled } = change
    this.#changesMeanwhile?.push(change)
    const wasListed = this.#listed?.has(id) === true
    if (revision === undefined) {
      if (this.#listed?.delete(id) === true) this.#removed.add(id)
      return false
    }
    this.#removed.delete(id)
    if (enabled) this.#listed?.delete(id)
    else this.#listed?.add(id)
    return this.#listed !== undefined && wasListed === enabled
  }

  /** Anything may have changed. If the list is being read already, it is soon read again. */
  noteAll(isRepeated: boolean): void {
    this.#isOutdated = this.#listing !== undefined
    void this.follow(isRepeated)
  }

  /**
   * Reads the list, and again after the interval if that failed, or always if changes are not reported.
   *
   * @param isRepeated whether changes are not reported
   */
  follow(isRepeated: boolean): Promise<void> {
    this.#listing ??= this.#list().then((hasSucceeded) => {
      this.#listing = undefined
      const isOutdated = hasSucceeded && this.#isOutdated
      this.#isOutdated = false
      if (this.#isClosed || (hasSucceeded && !isRepeated && !isOutdated)) return
      const interval = isOutdated ? Math.min(RELIST_AFTER, this.#interval()) : this.#interval()
      this.#cancelNext()
      this.#cancelNext = this.#timers.inBackground(interval, () => void this.follow(isRepeated))
    })
    return this.#listing
  }

  close(): void {
    this.#isClosed = true
    this.#cancelNext()
  }

  async #list(): Promise<boolean> {
    await undefined // A store may report a change while it is called.
    const list = this.#lister()
    if (list === undefined) return true
    const changes: RegistrationChange[] = []
    this.#changesMeanwhile = changes
    try {
      this.#listed = new Set(await list())
      this.#changesMeanwhile = undefined
      for (const change of changes) this.note(change)
      return true
    } catch {
      return false
    } finally {
      this.#changesMeanwhile = undefined
    }
  }
}
