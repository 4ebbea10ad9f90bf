// Our token endpoint in processes behind one port, one on each of the given cores, with one replay store in Redis.
import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import { answerParent } from '../../processes/answer-parent.js'
import { AskableProcess } from '../../processes/askable.js'

cluster.setupPrimary({ exec: fileURLToPath(new URL('ours-redis.js', import.meta.url)) })
let workers = []

answerParent({
  async start({ cores, ...settings }) {
    workers = await Promise.all(cores.map(forkWorker))
    const started = await Promise.all(
      workers.map((worker, index) => worker.ask('start', { ...settings, core: cores[index] })),
    )
    return started[0]
  },
  async usage() {
    const usages = await Promise.all(workers.map((worker) => worker.ask('usage')))
    const sum = (name) => usages.reduce((total, usage) => total + usage[name], 0)
    return { cpuSeconds: sum('cpuSeconds'), heardEvents: sum('heardEvents') }
  },
})

async function forkWorker() {
  const worker = new AskableProcess(cluster.fork().process, 'a worker of ours-redis-cluster.js')
  await worker.ready()
  return worker
}
