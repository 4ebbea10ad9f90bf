/** Calls back later. Injected, so that a test can let hours pass. */
export interface Timers {
  /** Calls back after some milliseconds, and keeps the process alive until then. Returns a function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void
  /** The same, but does not keep the process alive. */
  inBackground(milliseconds: number, callback: () => void): () => void
}

export const systemTimers: Timers = {
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    return () => clearTimeout(timer)
  },
  inBackground(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds).unref()
    return () => clearTimeout(timer)
  },
}

export function pause(milliseconds: number, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    timers.after(milliseconds, resolve)
  })
}

/** The result of a promise; undefined if it takes longer. */
export async function within<Result>(
  milliseconds: number,
  promise: Promise<Result>,
  timers: Timers,
): Promise<Result | undefined> {
  let cancel = () => {}
  const tooLate = new Promise<undefined>((resolve) => {
    cancel = timers.after(milliseconds, () => resolve(undefined))
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    cancel()
  }
}

/**
 * Settles as the promise does, or rejects with the error of `tooLate` if that takes too long. A later result of the promise is
 * ignored. If this process was suspended meanwhile, an answer that has arrived but is not read yet is in time.
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
