import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { AskableProcess } from './askable.js'
import { pinned } from './pin.js'

const BENCH = new URL('../', import.meta.url)

const started = new Set()

/**
 * Starts a script of this folder as a process of its own, and resolves when it answers questions.
 *
 * @param path within bench/
 * @param core the one core that it may use; undefined: any
 */
export async function startProcess(path, { core, nodeOptions = [] } = {}) {
  const [command, ...parameters] = pinned(core, [process.execPath, ...nodeOptions, fileURLToPath(new URL(path, BENCH))])
  const child = spawn(command, parameters, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const askable = new AskableProcess(child, path)
  started.add(askable)
  child.once('exit', () => started.delete(askable))
  await askable.ready()
  return askable
}

/** Ends all that were started: whoever asks one of them then fails. */
export function endAllProcesses() {
  for (const askable of started) askable.end()
}
