/** Returns a function that tells how many seconds went by since. */
export function startTiming() {
  const startedAt = performance.now()
  return () => (performance.now() - startedAt) / 1000
}
