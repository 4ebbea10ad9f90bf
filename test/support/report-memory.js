// Preloaded into a process with --expose-gc: answers the message 'memory' with what is left after a collection.
process.on('message', (message) => {
  if (message !== 'memory') return
  globalThis.gc()
  process.send(process.memoryUsage())
})
process.channel?.unref()
