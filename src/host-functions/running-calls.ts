/** One call of a function that has not ended. */
export interface RunningCall {
  /** The call has settled, in time or later. */
  end(): void
  /** The call has missed its deadline, and is still running. */
  giveUp(): void
}

/**
 * Counts the calls of one function. Calls that missed their deadline count until they settle, so that hanging calls do not
 * pile up. When such calls use up the limit, one call at a time tests whether the function answers again. Once one has
 * answered in time, the overdue calls no longer count, because they may never settle.
 */
export class RunningCalls {
  readonly #maxConcurrent: number
  #running = 0
  #overdue = 0
  #isProbing = false
  /** Changes when overdue calls no longer count. */
  #generation = 0
  #isLimitReported = false

  constructor(maxConcurrent: number) {
    this.#maxConcurrent = maxConcurrent
  }

  get canStart(): boolean {
    return this.#hasRoom || (this.#overdue > 0 && !this.#isProbing)
  }

  /** Whether to report that the limit is reached: once, and again only after half of the calls have ended. */
  shouldReportLimit(): boolean {
    if (this.#isLimitReported) return false
    this.#isLimitReported = true
    return true
  }

  start(): RunningCall {
    const isProbe = !this.#hasRoom
    let overdueInGeneration: number | undefined
    this.#running += 1
    if (isProbe) this.#isProbing = true
    return {
      end: () => {
        if (overdueInGeneration === undefined) this.#endInTime(isProbe)
        else if (overdueInGeneration === this.#generation) this.#remove(1, 1)
      },
      giveUp: () => {
        overdueInGeneration = this.#generation
        if (isProbe) this.#isProbing = false
        this.#overdue += 1
      },
    }
  }

  get #hasRoom(): boolean {
    return this.#running < this.#maxConcurrent
  }

  #endInTime(isProbe: boolean): void {
    this.#remove(1, 0)
    if (!isProbe) return
    this.#isProbing = false
    this.#generation += 1
    this.#remove(this.#overdue, this.#overdue)
  }

  #remove(running: number, overdue: number): void {
    this.#running -= running
    this.#overdue -= overdue
    if (this.#running * 2 <= this.#maxConcurrent) this.#isLimitReported = false
  }
}
