let isAllowed = false

/**
 * From now on this process does not sleep during a run. To wake a process costs the core of the one that writes to it
 * more on a virtual machine than many a request takes: that would be counted as the server's. Only for a core of its own.
 */
export function stayAwake() {
  isAllowed = true
}

/** Runs a load, awake where that is allowed. */
export async function runAwake(run) {
  let isOver = !isAllowed
  const turn = () => {
    if (!isOver) setImmediate(turn)
  }
  turn()
  try {
    return await run()
  } finally {
    isOver = true
  }
}
