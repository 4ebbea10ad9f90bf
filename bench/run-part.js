import * as clients from './parts/clients.js'
import * as introspection from './parts/introspection.js'
import * as rollover from './parts/rollover.js'
import * as route from './parts/route.js'
import * as scale from './parts/scale.js'
import * as token from './parts/token.js'
import { GENERATOR_CORE, isPinned } from './processes/pin.js'
import { describeMachine } from './report/machine.js'
import { printTargets } from './report/print-targets.js'
import { writeResults } from './report/results-file.js'

const MEASURES = {
  token: { measure: token.measureToken, defaults: token.defaults },
  clients: { measure: clients.measureClients, defaults: clients.defaults },
  route: { measure: route.measureRoute, defaults: route.defaults },
  introspection: { measure: introspection.measureIntrospection, defaults: introspection.defaults },
  scale: { measure: scale.measureScale, defaults: scale.defaults },
  rollover: { measure: rollover.measureRollover, defaults: rollover.defaults },
}

/** Measures one part, prints its tables, and writes it into the results. */
export async function runPart(part, wanted) {
  const { measure, defaults } = MEASURES[part]
  const rounds = wanted.rounds ?? defaults.rounds
  const seconds = wanted.seconds ?? defaults.seconds
  const { cpu, cores, node } = describeMachine()
  console.log(`\n${part}: ${cpu}, ${cores} cores, Node ${node}, 32 connections, ${whereProcessesRun()}`)
  const startedAt = performance.now()
  const tell = (step) => process.stderr.write(`  ${elapsed(startedAt)} ${step}\n`)
  const results = await measure({ rounds, seconds, tell })
  printTargets(results.targets)
  writeResults(part, { rounds, seconds, ...results })
  tell('done')
}

function whereProcessesRun() {
  return isPinned(GENERATOR_CORE) ? 'servers on core 0, the load generator on core 1' : 'no process is pinned'
}

function elapsed(startedAt) {
  return `${((performance.now() - startedAt) / 1000).toFixed(0).padStart(4)} s`
}
