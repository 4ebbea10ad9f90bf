import { fieldOf } from '../errors/field-of.js'
import type { RegistrationChange } from '../identity-provider-store/identity-provider-store.js'

/** Attempts to get an answer that is not older than a change. */
const MAX_ATTEMPTS = 3

interface RunningLookup {
  done: Promise<void>
  changes: ChangesMeanwhile
}

/** The lookups that are running, one at a time for each name, and what changes while they wait for an answer. */
export class RunningLookups {
  readonly #byName = new Map<string, RunningLookup>()

  get size(): number {
    return this.#byName.size
  }

  find(name: string): Promise<void> | undefined {
    return this.#byName.get(name)?.done
  }

  /** Joins the lookup of this name that is running, or begins one. */
  run(name: string, lookUp: (changes: ChangesMeanwhile) => Promise<void>): Promise<void> {
    const running = this.find(name)
    if (running !== undefined) return running
    const changes = new ChangesMeanwhile(name)
    const done = lookUp(changes).finally(() => this.#byName.delete(name))
    this.#byName.set(name, { done, changes })
    return done
  }

  /** @param change undefined: anything may have changed */
  note(change: RegistrationChange | undefined): void {
    for (const { changes } of this.#byName.values()) changes.note(change)
  }
}

/** What was reported to have changed while a lookup of one name waits for an answer, which may be older than that. */
export class ChangesMeanwhile {
  readonly #name: string
  readonly #ids = new Set<string>()
  #isNameChanged = false

  constructor(name: string) {
    this.#name = name
  }

  note(change: RegistrationChange | undefined): void {
    if (change === undefined || change.name === this.#name) this.#isNameChanged = true
    else this.#ids.add(change.id) // It may have had this name before.
  }

  /**
   * Asks until nothing of the answer has changed meanwhile: what was switched off or removed must not come back.
   *
   * @returns undefined if it changes all the time
   */
  async findLatest(find: () => Promise<readonly unknown[]>): Promise<readonly unknown[] | undefined> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      this.#ids.clear()
      this.#isNameChanged = false
      const entries = await find()
      if (!this.#isNameChanged && !entries.some((each) => this.#ids.has(String(fieldOf(each, 'id'))))) return entries
    }
    return undefined
  }
}
