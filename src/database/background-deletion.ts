import { debuglog } from 'node:util'

/** A process deletes after its first write, and again after this many. */
const WRITES_PER_DELETION = 100

const debug = debuglog('express-jwt-exchange')

/** Deletes what a table no longer needs, one deletion at a time. No request waits for it. The next one deletes what it leaves. */
export class BackgroundDeletion {
  readonly #deleteOld: () => PromiseLike<unknown>
  #writes = 0
  #isDeleting = false

  constructor(deleteOld: () => PromiseLike<unknown>) {
    this.#deleteOld = deleteOld
  }

  noteWrite(): void {
    if (this.#writes % WRITES_PER_DELETION === 0) void this.#delete()
    this.#writes += 1
  }

  async #delete(): Promise<void> {
    if (this.#isDeleting) return
    this.#isDeleting = true
    try {
      await this.#deleteOld()
    } catch (error) {
      debug('old rows could not be deleted: %s', error)
    } finally {
      this.#isDeleting = false
    }
  }
}
