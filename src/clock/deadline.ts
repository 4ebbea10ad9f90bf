import type { Timers } from './timers.js'

/**
 * Settles as the promise does, or, if that takes longer than so many milliseconds, rejects with what `tooLate` gives. What
 * the promise does later disturbs nobody. If this process stood still meanwhile, an answer that is there and only not read
 * yet is in time.
 */
export function settleInTime<Result>(
  promise: Promise<Result>,
  milliseconds: number,
  timers: Timers,
  tooLate: () => Error,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let isSettled = false
    const giveUp = () => {
      if (!isSettled) reject(tooLate())
    }
    const cancel = timers.after(milliseconds, () => setImmediate(giveUp))
    const settle = () => {
      isSettled = true
      cancel()
    }
    promise.then(
      (result) => {
        settle()
        resolve(result)
      },
      (error) => {
        settle()
        reject(error)
      },
    )
  })
}
