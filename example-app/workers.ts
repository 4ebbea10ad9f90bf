import cluster, { type Worker } from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { Deployment } from './deployment.js'
import type { Place } from './place.js'
import { onEndSignal } from './serve.js'

/** What each worker serves. */
export interface Work {
  place: Place
  deployment: Deployment
}

/** Milliseconds before a worker that could not even start is replaced. */
const PAUSE_BEFORE_NEXT = 1000

/**
 * Starts as many workers behind one port, and another one whenever one of them dies. Resolves when all of them serve;
 * ends the process where one cannot begin to.
 */
export function startWorkers(count: number, work: Work): Promise<void> {
  // Each worker accepts for itself: a connection that the primary process hands to a worker that dies would hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: fileURLToPath(new URL('worker.js', import.meta.url)) })
  const serving = new Set<Worker>()
  let hasStarted = false
  const replace = (worker: Worker) => {
    const hasServed = serving.delete(worker)
    if (!hasStarted) process.exit(1)
    setTimeout(() => startWorker(work), hasServed ? 0 : PAUSE_BEFORE_NEXT)
  }
  cluster.on('exit', replace)
  if (work.deployment.path !== undefined) {
    // The workers follow the file, and read it again at this signal.
    process.on('SIGHUP', () => {
      for (const worker of serving) worker.process.kill('SIGHUP')
    })
  }
  onEndSignal(() => {
    cluster.off('exit', replace)
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM')
    cluster.disconnect(() => process.exit(0))
  })
  for (let started = 0; started < count; started += 1) startWorker(work)
  return new Promise((resolve) => {
    cluster.on('listening', (worker) => {
      serving.add(worker)
      if (serving.size < count) return
      hasStarted = true
      resolve()
    })
  })
}

function startWorker(work: Work): void {
  const worker = cluster.fork()
  worker.once('message', () => worker.send(work)) // It asks, because it hears nothing before it is loaded.
}
