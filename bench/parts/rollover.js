import { generateSigningKey } from '../../dist/index.js'
import { requireThat } from '../checks/require-that.js'
import { WARM_UP_REQUESTS } from '../measure/hold-contest.js'
import { summarise } from '../measure/statistics.js'
import { GENERATOR_CORE, SERVER_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'
import { printTable, wholeNumber } from '../report/print-table.js'
import { measureExampleApp } from '../startup/measure-example-app.js'
import { measureImports } from '../startup/measure-imports.js'
import { atMost } from '../targets.js'

/** Requests in a closed loop, to find the maximum. */
const MEASURED_REQUESTS = 8000
const WANTED_RATE = 2000
const LOAD = 0.7
const ROLLOVERS = 10
const DEAD_RATE = 120
const DEAD = ['stalled', 'down']

/**
 * Ten rollovers in a row need more than the default budget of fetches for unknown keys, which allows two at once and one
 * for each half a minute.
 */
const JWKS_ENDPOINT = { refreshBudget: 10, cooldownDuration: 2000 }

export const defaults = { rounds: 7, seconds: 3 }

/** Key rollovers under load, a dead identity provider beside a live one, and how long a start takes. */
export async function measureRollover({ rounds, seconds, tell }) {
  const driver = await startProcess('rollover/driver.js', { core: GENERATOR_CORE })
  const server = await startProcess('servers/token/ours-memory.js', { core: SERVER_CORE })
  try {
    const identityProviders = await driver.ask('start')
    const settings = { identityProviders, signingKey: generateSigningKey('ES256'), jwksEndpoint: JWKS_ENDPOINT }
    const { port } = await server.ask('start', settings)
    const { maximum, rate } = await findRate(driver, port, tell)
    const rollovers = await rollOverAgain(driver, { port, rate, secondsBefore: seconds }, tell)
    const beside = await compareDead(driver, { port, rate, seconds, deadRate: DEAD_RATE }, rounds, tell)
    tell('imports and starts')
    const startup = { imports: measureImports(), exampleApp: await measureExampleApp() }
    return report({ maximum, rate, rollovers, beside, startup })
  } finally {
    await Promise.all([driver.end(), server.end()])
  }
}

async function findRate(driver, port, tell) {
  tell('finding the maximum')
  let maximum = 0
  for (const amount of [WARM_UP_REQUESTS, MEASURED_REQUESTS]) {
    const run = await driver.ask('maximum', { port, amount })
    requireOnlyOk(run.statuses)
    maximum = run.answered / run.seconds
  }
  return { maximum, rate: Math.min(WANTED_RATE, Math.floor(maximum * LOAD)) }
}

async function rollOverAgain(driver, load, tell) {
  const rollovers = []
  for (let count = 1; count <= ROLLOVERS; count += 1) {
    tell(`rollover ${count} of ${ROLLOVERS}`)
    rollovers.push(await driver.ask('rollOver', load))
  }
  return rollovers
}

/** Without a dead one and with each kind, in an order that moves on by one each round. */
async function compareDead(driver, load, rounds, tell) {
  const kinds = ['none', ...DEAD]
  const measured = Object.fromEntries(kinds.map((kind) => [kind, []]))
  for (let round = 0; round < rounds; round += 1) {
    tell(`dead identity providers, round ${round + 1} of ${rounds}`)
    const first = round % kinds.length
    for (const kind of [...kinds.slice(first), ...kinds.slice(0, first)]) {
      const run = await driver.ask('besideDead', { ...load, dead: kind === 'none' ? undefined : kind })
      requireOnlyOk(run.statuses)
      requireThat(Object.keys(run.deadStatuses ?? { 503: 1 }).join() === '503', 'a dead one is answered with 503')
      measured[kind].push(run)
    }
  }
  return Object.fromEntries(kinds.map((kind) => [kind, describeBeside(measured[kind])]))
}

function describeBeside(runs) {
  return {
    p50: summarise(runs.map(({ p50 }) => p50)),
    p99: summarise(runs.map(({ p99 }) => p99)),
    generatorLateness: summarise(runs.map(({ generatorLateness }) => generatorLateness)),
  }
}

function requireOnlyOk(statuses) {
  requireThat(Object.keys(statuses).join() === '200', `all are answered with 200, and not ${JSON.stringify(statuses)}`)
}

function report({ maximum, rate, rollovers, beside, startup }) {
  const failed = rollovers.reduce((sum, { answered, statuses }) => sum + answered - (statuses[200] ?? 0), 0)
  const ratios = summarise(rollovers.map(({ before, during }) => during.p99 / before.p99))
  const mostFetches = Math.max(...rollovers.map(({ fetches }) => fetches))
  console.log(
    `\n${wholeNumber(rate)} exchanges a second; the maximum with these ES256 assertions is ${wholeNumber(maximum)}`,
  )
  printRollovers(rollovers)
  printBeside(beside)
  printStartup(startup)
  const targets = findTargets({ failed, ratios, mostFetches, beside, startup })
  requireThat(failed === 0, `no request fails in a rollover: ${failed} failed`)
  return { maximum, rate, rollovers, ratios, beside, startup, targets }
}

function printRollovers(rollovers) {
  console.log('\nRollovers, p99 in ms before it and in its second')
  printTable(
    ['', 'requests', 'failed', 'fetches', 'before', 'its second', 'ratio', 'generator late'],
    rollovers.map(({ answered, statuses, fetches, before, during, generatorLateness }, index) => [
      `${index + 1}`,
      wholeNumber(answered),
      String(answered - (statuses[200] ?? 0)),
      String(fetches),
      before.p99.toFixed(2),
      during.p99.toFixed(2),
      (during.p99 / before.p99).toFixed(2),
      generatorLateness.toFixed(2),
    ]),
  )
}

function printBeside(beside) {
  console.log(`\nA live identity provider, and ${DEAD_RATE} requests a second with assertions of a dead one, in ms`)
  printTable(
    ['', 'p50', 'p99', '× none', 'min–max of p99', 'generator late'],
    Object.entries(beside).map(([kind, { p50, p99, generatorLateness }]) => [
      kind,
      p50.median.toFixed(2),
      p99.median.toFixed(2),
      (p99.median / beside.none.p99.median).toFixed(2),
      `${p99.min.toFixed(2)}–${p99.max.toFixed(2)}`,
      generatorLateness.median.toFixed(2),
    ]),
  )
}

function printStartup({ imports, exampleApp }) {
  console.log('\nStarts in ms')
  const named = [
    ['node', imports.nothing],
    ["node, import('express')", imports.express],
    ["node, import('express') and ours", imports.expressAndOurs],
    ['the example app to its first answer', exampleApp],
  ]
  const rowOf = (name, { median, min, max }) => [name, median.toFixed(0), `${min.toFixed(0)}–${max.toFixed(0)}`]
  printTable(
    ['', 'median', 'min–max'],
    named.map(([name, summary]) => rowOf(name, summary)),
  )
}

function findTargets({ failed, ratios, mostFetches, beside, startup: { imports, exampleApp } }) {
  const besideDead = DEAD.map((kind) =>
    atMost(
      1.1,
      `p99 beside a dead identity provider (${kind}) × without`,
      beside[kind].p99.median / beside.none.p99.median,
    ),
  )
  return [
    atMost(0, 'failed requests in ten rollovers', failed),
    atMost(2, 'fetches for a rollover, the most', mostFetches),
    atMost(2, 'p99 in the second of a rollover × before, median of ten', ratios.median),
    ...besideDead,
    atMost(60, 'ms to import the package beside Express', imports.expressAndOurs.median - imports.express.median),
    atMost(1000, 'ms from the start of the example app to its first answer', exampleApp.median),
  ]
}
