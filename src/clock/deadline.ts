import type { Timers } from './timers.js'

/**
 * Settles as the promise does, or rejects with what `tooLate` returns if that takes too many milliseconds. A later result of
 * the promise is ignored. If this process was suspended meanwhile, an answer that has arrived but was not read is still in
 * time.
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
