import { AdminProblem } from './problem.js'

/** Fetches from addresses that callers choose, at the same time. */
const MAX_FETCHES = 10

/** Bounds how many fetches callers have this server make at once, so that nobody can use it to flood others. */
export class FetchLimit {
  #running = 0

  /** @throws AdminProblem 429 */
  async run<Result>(fetch: () => Promise<Result>): Promise<Result> {
    if (this.#running >= MAX_FETCHES) {
      const headers = { 'Retry-After': '1' }
      throw new AdminProblem('too-many-requests', `At most ${MAX_FETCHES} fetches may run at once.`, { headers })
    }
    this.#running += 1
    try {
      return await fetch()
    } finally {
      this.#running -= 1
    }
  }
}
