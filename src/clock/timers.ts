/** Calls back later. Injected, so that a test can let hours pass. */
export interface Timers {
  /** After so many milliseconds, for which the process stays alive. Returns what cancels it. */
  after(milliseconds: number, callback: () => void): () => void
  /** The same, but the process may end meanwhile. */
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

/** Resolves after so many milliseconds. */
export function pause(milliseconds: number, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    timers.after(milliseconds, resolve)
  })
}

/** The result of a promise; undefined if that takes longer than so many milliseconds. */
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
