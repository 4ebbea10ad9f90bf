import type { Clock } from '../../src/clock/clock.js'
import type { Timers } from '../../src/clock/timers.js'

interface Planned {
  at: number
  order: number
  callback: (() => void) | undefined
}

/** Time that passes from one planned event to the next, as fast as the events are done. */
export class VirtualTime implements Clock, Timers {
  #now = 0
  #order = 0
  /** A binary heap, the earliest first. */
  readonly #planned: Planned[] = []

  now(): number {
    return 1_800_000_000 + this.#now / 1000
  }

  monotonic(): number {
    return this.#now
  }

  /** How many events are planned, cancelled ones whose time has not come included. */
  get pending(): number {
    return this.#planned.length
  }

  after(milliseconds: number, callback: () => void): () => void {
    const planned: Planned = { at: this.#now + Math.max(0, milliseconds), order: this.#order++, callback }
    this.#push(planned)
    return () => {
      planned.callback = undefined
    }
  }

  inBackground(milliseconds: number, callback: () => void): () => void {
    return this.after(milliseconds, callback)
  }

  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(milliseconds, resolve)
    })
  }

  /** Lets the time pass until then, in milliseconds; what an event sets off is done before the next one. */
  async runUntil(end: number): Promise<void> {
    for (let next = this.#planned[0]; next !== undefined && next.at <= end; next = this.#planned[0]) {
      this.#pop()
      if (next.callback === undefined) continue
      this.#now = next.at
      next.callback()
      await new Promise<void>((resolve) => process.nextTick(resolve)) // Not before all promises are settled.
    }
    await new Promise((resolve) => setImmediate(resolve))
    this.#now = end
  }

  #push(planned: Planned): void {
    const heap = this.#planned
    let index = heap.push(planned) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#isEarlier(index, parent)) break
      this.#swap(index, parent)
      index = parent
    }
  }

  #pop(): void {
    const heap = this.#planned
    this.#swap(0, heap.length - 1)
    heap.pop()
    for (let index = 0; ; ) {
      const [left, right] = [2 * index + 1, 2 * index + 2]
      const child = right < heap.length && this.#isEarlier(right, left) ? right : left
      if (child >= heap.length || !this.#isEarlier(child, index)) return
      this.#swap(index, child)
      index = child
    }
  }

  #isEarlier(index: number, than: number): boolean {
    const [one, other] = [this.#planned[index], this.#planned[than]]
    if (one === undefined || other === undefined) return false
    return one.at < other.at || (one.at === other.at && one.order < other.order)
  }

  #swap(index: number, other: number): void {
    const [one, two] = [this.#planned[index], this.#planned[other]]
    if (one === undefined || two === undefined) return
    this.#planned[index] = two
    this.#planned[other] = one
  }
}
