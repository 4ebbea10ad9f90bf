import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { summarise } from '../measure/statistics.js'
import { pinned, SERVER_CORE } from '../processes/pin.js'

/** Where Express and ours share what both need, as in an app. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PACKAGE = new URL('../../dist/index.js', import.meta.url).href
const RUNS = 15

const EXPRESS = "await import('express')"
const PROGRAMS = { nothing: '', express: EXPRESS, expressAndOurs: `${EXPRESS}; await import('${PACKAGE}')` }

/** Milliseconds of processes that only import, the programs in turn. */
export function measureImports() {
  const times = Object.keys(PROGRAMS).map((name) => [name, []])
  for (let run = 0; run <= RUNS; run += 1) {
    for (const [name, runs] of times) runs.push(timeProgram(PROGRAMS[name]))
  }
  // The first run of each finds files that are not in memory yet.
  return Object.fromEntries(times.map(([name, [_first, ...runs]]) => [name, summarise(runs)]))
}

function timeProgram(code) {
  const [command, ...parameters] = pinned(SERVER_CORE, [process.execPath, '--input-type=module', '-e', code])
  const startedAt = performance.now()
  const { status, stderr } = spawnSync(command, parameters, { cwd: ROOT, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return performance.now() - startedAt
}
