/** Returns a function that tells how many seconds went by since, and which share of them this process was on a core. */
export function startTiming() {
  const startedAt = performance.now()
  const usageBefore = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(usageBefore)
    const seconds = (performance.now() - startedAt) / 1000
    return { seconds, coreUse: (user + system) / 1e6 / seconds }
  }
}
