import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { requireThat } from '../checks/require-that.js'
import { summarise } from '../measure/statistics.js'

const MAIN = fileURLToPath(new URL('../../example-app/dist/main.js', import.meta.url))
const RUNS = 7

/**
 * Milliseconds from the start of the example app to the answer of its first request, one run after the other. It is
 * ended in the middle of its story, so what it says of that is not printed.
 */
export async function measureExampleApp() {
  const runs = []
  for (let run = 0; run < RUNS; run += 1) runs.push(await timeToFirstAnswer())
  return summarise(runs)
}

async function timeToFirstAnswer() {
  const startedAt = performance.now()
  const env = { ...process.env, PORT: '0', CONFIG: '', WORKERS: '1' }
  const app = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(app, 'exit')
  try {
    const response = await fetch(`${await findUrl(app.stdout)}/health`)
    await response.json()
    const time = performance.now() - startedAt
    requireThat(response.status === 200, 'the example app answers 200')
    return time
  } finally {
    app.kill()
    await ended
  }
}

/** The app prints where it is when it listens. */
async function findUrl(output) {
  for await (const line of createInterface({ input: output })) {
    const url = /^Host app +(\S+)/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error(`The example app did not start: node ${MAIN}`)
}
