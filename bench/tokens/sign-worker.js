import { randomUUID } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { createSigner } from './sign-jwt.js'

/** Signs so many tokens, each with a `jti` of its own, and sends them in batches of lines. */
const BATCH = 1000

const { privateJwk, header, claims, count } = workerData
const sign = createSigner(privateJwk, header)

for (let signed = 0; signed < count; signed += BATCH) {
  const size = Math.min(BATCH, count - signed)
  const lines = Array.from({ length: size }, () => `${sign({ ...claims, jti: randomUUID() })}\n`)
  parentPort.postMessage(lines.join(''))
}
