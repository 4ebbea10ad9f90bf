import { setTimeout } from 'node:timers/promises'

/** Bytes that are in use after garbage collection, in V8's heap and beside it. Needs `--expose-gc`. */
export async function heldBytes() {
  for (let collected = 0; collected < 3; collected += 1) {
    globalThis.gc()
    await setTimeout(50)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
