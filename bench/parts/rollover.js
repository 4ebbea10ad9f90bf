import { generateSigningKey } from '../../dist/index.js'
import { requireThat } from '../checks/require-that.js'
import { describeLatencies } from '../load/run-at-rate.js'
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
const OTHER_RATE = 120
const ALIVE = 'alive'
const DEAD = ['stalled', 'down']

/**
 * Ten rollovers in a row need more than the default budget of fetches for unknown keys, which allows two at once and one
 * for each half a minute.
 */
const JWKS_ENDPOINT = { refreshBudget: 10, cooldownDuration: 2000 }

export const defaults = { rounds: 15, seconds: 3 }

/** Key rollovers under load, a dead identity provider beside a live one, and how long a start takes. */
export async function measureRollover({ rounds, seconds, tell }) {
  const driver = await startProcess('rollover/driver.js', { core: GENERATOR_CORE })
  const server = await startProcess('servers/token/ours-memory.js', { core: SERVER_CORE })
  try {
    const identityProviders = await driver.ask('start')
    const settings = { identityProviders, signingKey: generateSigningKey('ES256'), jwksEndpoint: JWKS_ENDPOINT }
    const { port } = await server.ask('start', settings)
    const { maximum, rate } = await findRate(driver, port, tell)
    const rolled = await rollOverAgain(driver, { port, rate, secondsBefore: seconds }, tell)
    const beside = await compareDead(driver, { port, rate, seconds, otherRate: OTHER_RATE }, rounds, tell)
    tell('imports and starts')
    const startup = { imports: measureImports(), exampleApp: await measureExampleApp() }
    return report({ maximum, rate, ...rolled, beside, startup })
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
  const all = { before: [], during: [] }
  for (let count = 1; count <= ROLLOVERS; count += 1) {
    tell(`rollover ${count} of ${ROLLOVERS}`)
    const { before, during, ...run } = await driver.ask('rollOver', load)
    rollovers.push({ ...run, before: describeLatencies(before), during: describeLatencies(during) })
    all.before.push(...before)
    all.during.push(...during)
  }
  return { rollovers, before: describeLatencies(all.before), during: describeLatencies(all.during) }
}

/** Beside another one that is alive, and beside each kind of dead one, in an order that moves on by one each round. */
async function compareDead(driver, load, rounds, tell) {
  const kinds = [ALIVE, ...DEAD]
  const measured = Object.fromEntries(kinds.map((kind) => [kind, []]))
  for (let round = 0; round < rounds; round += 1) {
    tell(`dead identity providers, round ${round + 1} of ${rounds}`)
    const first = round % kinds.length
    for (const kind of [...kinds.slice(first), ...kinds.slice(0, first)]) {
      const run = await driver.ask('besideOther', { ...load, other: kind })
      requireOnlyOk(run.statuses)
      const wanted = kind === ALIVE ? '200' : '503'
      requireThat(Object.keys(run.otherStatuses).join() === wanted, `the ${kind} one is answered with ${wanted}`)
      measured[kind].push(run)
    }
  }
  return Object.fromEntries(kinds.map((kind) => [kind, describeBeside(measured[kind])]))
}

function describeBeside(runs) {
  return {
    ...describeLatencies(runs.flatMap(({ latencies }) => latencies)),
    p99OfRounds: summarise(runs.map(({ latencies }) => describeLatencies(latencies).p99)),
    generatorLateness: summarise(runs.map(({ generatorLateness }) => generatorLateness)),
  }
}

function requireOnlyOk(statuses) {
  requireThat(Object.keys(statuses).join() === '200', `all are answered with 200, and not ${JSON.stringify(statuses)}`)
}

function report({ maximum, rate, rollovers, before, during, beside, startup }) {
  const failed = rollovers.reduce((sum, { answered, statuses }) => sum + answered - (statuses[200] ?? 0), 0)
  const mostFetches = Math.max(...rollovers.map(({ fetches }) => fetches))
  console.log(
    `\n${wholeNumber(rate)} exchanges a second; the maximum with these ES256 assertions is ${wholeNumber(maximum)}`,
  )
  printRollovers(rollovers)
  printBeside(beside)
  printStartup(startup)
  console.log(`All ten: ${before.p99.toFixed(2)} before, ${during.p99.toFixed(2)} in the second of a rollover`)
  const targets = findTargets({ failed, before, during, mostFetches, beside, startup })
  requireThat(failed === 0, `no request fails in a rollover: ${failed} failed`)
  return { maximum, rate, rollovers, before, during, beside, startup, targets }
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
  console.log(`\nA live identity provider, and ${OTHER_RATE} requests a second with assertions of another one, in ms`)
  printTable(
    ['the other one', 'p50', 'p99', '× alive', 'p99 of rounds', 'generator late'],
    Object.entries(beside).map(([kind, { p50, p99, p99OfRounds, generatorLateness }]) => [
      kind,
      p50.toFixed(2),
      p99.toFixed(2),
      (p99 / beside[ALIVE].p99).toFixed(2),
      `${p99OfRounds.min.toFixed(2)}–${p99OfRounds.max.toFixed(2)}`,
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

function findTargets({ failed, before, during, mostFetches, beside, startup: { imports, exampleApp } }) {
  const besideDead = DEAD.map((kind) =>
    atMost(
      1.1,
      `p99 next to a dead identity provider (${kind}) × next to a live one`,
      beside[kind].p99 / beside[ALIVE].p99,
    ),
  )
  return [
    atMost(0, 'failed requests in ten rollovers', failed),
    atMost(2, 'most fetches for a rollover', mostFetches),
    atMost(2, 'p99 in the seconds of ten rollovers × before', during.p99 / before.p99),
    ...besideDead,
    atMost(
      60,
      'ms that importing the package adds to importing Express',
      imports.expressAndOurs.median - imports.express.median,
    ),
    atMost(1000, 'ms from the start of the example app to its first answer', exampleApp.median),
  ]
}
