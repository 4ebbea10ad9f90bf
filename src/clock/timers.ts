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

/** What a promise resolves with, or undefined where that takes longer than so many milliseconds. */
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
