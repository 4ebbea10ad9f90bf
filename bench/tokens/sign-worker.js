import { parentPort, workerData } from 'node:worker_threads'
import { createRecordSigner } from './sign-record.js'

/** Signs so many tokens, and sends them in batches of lines. */
const BATCH = 1000

const { count, ...ingredients } = workerData
const signRecord = createRecordSigner(ingredients)

for (let signed = 0; signed < count; signed += BATCH) {
  const size = Math.min(BATCH, count - signed)
  const lines = Array.from({ length: size }, () => `${signRecord()}\n`)
  parentPort.postMessage(lines.join(''))
}
