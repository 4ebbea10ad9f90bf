import { generateSigningKey } from '../../dist/index.js'
import { generateFakeKey } from '../../dist/testing/index.js'
import { checkTokenEndpoint } from '../checks/check-token-endpoint.js'
import { identityProviderName, tokenEndpoint } from '../deployment.js'
import { Contender } from '../measure/contender.js'
import { measureGeneratorLimit } from '../measure/generator-limit.js'
import { holdContest } from '../measure/hold-contest.js'
import { ratioBetween, withRatios } from '../measure/ratios.js'
import { startGenerator, startGeneratorBeside } from '../measure/start-generator.js'
import { GENERATOR_CORE, SERVER_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'
import { openKeyspace } from '../redis-keyspace.js'
import { printContest, printGeneratorLimit } from '../report/print-contest.js'
import { printTable } from '../report/print-table.js'
import { measureSteps } from '../steps/measure-steps.js'
import { atLeast } from '../targets.js'
import { assertionClaims } from '../tokens/claims.js'
import { TokenPool } from '../tokens/token-pool.js'

const OURS = 'ours, memory store'
const OURS_WITH_REDIS = 'ours, Redis'
const BARE = 'bare Express: parse the form, answer JSON'
const JOSE = 'by hand: jose, no other check'
const NODE_CRYPTO = 'by hand: synchronous node:crypto'
const OAUTH2_SERVER = '@node-oauth/oauth2-server + jose'
const OIDC_PROVIDER = 'oidc-provider + jose'
const ONE_PROCESS = 'ours, Redis, one process'
const TWO_PROCESSES = 'ours, Redis, two processes'

export const defaults = { rounds: 5, seconds: 3 }

/** The token endpoint: distinct RS256 assertions, Basic, ES256 access tokens. */
export async function measureToken({ rounds, seconds, tell }) {
  const identityProviderKey = await generateFakeKey('RS256')
  const { kid, privateJwk, publicJwk } = identityProviderKey
  const pool = await TokenPool.create({
    privateJwk,
    header: { alg: 'RS256', typ: 'JWT', kid },
    claims: assertionClaims(),
  })
  const keySet = await startProcess('servers/key-set.js', { core: GENERATOR_CORE })
  const keyspace = await openKeyspace()
  try {
    const { port } = await keySet.ask('start', { keys: [publicJwk] })
    const settings = {
      identityProviders: [
        {
          name: identityProviderName,
          allowedSubjects: 'any',
          alias: tokenEndpoint,
          jwksUri: `http://127.0.0.1:${port}/jwks`,
        },
      ],
      identityProviderKey: publicJwk,
      signingKey: generateSigningKey('ES256'),
    }
    const conditions = { settings, keyspace, pool, rounds, seconds, tell }
    const { limits, contenders } = await compareContenders(conditions)
    const processes = keyspace && (await compareProcesses(conditions))
    tell('timing the steps of a request')
    const steps = await measureSteps()
    printSteps(steps)
    if (keyspace === undefined) console.log('\nNo Redis answers, so nothing is measured with it')
    return { limits, contenders, processes, steps, targets: findTargets(contenders, processes) }
  } finally {
    await Promise.all([pool.remove(), keySet.end(), keyspace?.close()])
  }
}

async function compareContenders({ settings, keyspace, pool, rounds, seconds, tell }) {
  const generator = await startGenerator()
  try {
    await pool.grow(1000)
    const limits = await measureGeneratorLimit(generator, { kind: 'exchange', pool: pool.describe(), from: 0 })
    const contenders = createContenders(settings, keyspace).map((traits) => new Contender(traits, pool))
    const results = withRatios(await holdContest({ contenders, pool, generator, rounds, seconds, tell }), JOSE)
    printGeneratorLimit(limits)
    printContest(`Token endpoint, ${rounds} rounds of ${seconds} s`, results, limits.autocannon)
    return { limits, contenders: results }
  } finally {
    await generator.end()
  }
}

function createContenders(settings, keyspace) {
  const common = { kind: 'exchange', check: checkTokenEndpoint, settings }
  const strict = { ...common, checks: { signature: true, replay: true } }
  const withRedis = { ...settings, redis: keyspace && { url: keyspace.url, prefix: `${keyspace.prefix}alone:` } }
  return [
    { ...common, name: BARE, script: 'token/bare-express.js', checks: {} },
    { ...common, name: NODE_CRYPTO, script: 'token/node-crypto-by-hand.js' },
    { ...common, name: JOSE, script: 'token/jose-by-hand.js' },
    { ...strict, name: OURS, script: 'token/ours-memory.js' },
    ...(keyspace ? [{ ...strict, name: OURS_WITH_REDIS, script: 'token/ours-redis.js', settings: withRedis }] : []),
    { ...common, name: OAUTH2_SERVER, script: 'token/oauth2-server.js' },
    { ...common, name: OIDC_PROVIDER, script: 'token/oidc-provider.js' },
  ]
}

/**
 * One process on one core against two on two. Each has its load generator on the same cores, so that both give it its
 * share; Redis has the other core to itself beside the one process, and takes from both cores beside the two.
 */
async function compareProcesses({ settings, keyspace, pool, rounds, seconds, tell }) {
  const generators = [await startGeneratorBeside(SERVER_CORE), await startGeneratorBeside(undefined)]
  const [besideOne, besideTwo] = generators
  try {
    const contenders = [
      { ...createCluster(ONE_PROCESS, [SERVER_CORE], settings, keyspace), generator: besideOne },
      { ...createCluster(TWO_PROCESSES, [SERVER_CORE, GENERATOR_CORE], settings, keyspace), generator: besideTwo },
    ].map((traits) => new Contender(traits, pool))
    const load = { client: 'closed loop', rounds, seconds }
    const results = withRatios(await holdContest({ contenders, pool, ...load, tell }), ONE_PROCESS)
    printContest(`One process and two, the generator on the same cores, ${rounds} rounds of ${seconds} s`, results)
    return results
  } finally {
    await Promise.all(generators.map((generator) => generator.end()))
  }
}

function createCluster(name, cores, settings, keyspace) {
  const redis = { url: keyspace.url, prefix: `${keyspace.prefix}${cores.length}:` }
  return {
    name,
    kind: 'exchange',
    script: 'token/ours-redis-cluster.js',
    core: undefined,
    settings: { ...settings, cores, redis },
    checks: { signature: true, replay: true },
    check: checkTokenEndpoint,
  }
}

function printSteps(steps) {
  console.log('\nSteps of a request, without HTTP')
  printTable(
    ['', 'µs'],
    Object.entries(steps).map(([step, microseconds]) => [step, microseconds.toFixed(1)]),
  )
}

function findTargets(contenders, processes = []) {
  const ratio = (name, reference) => ratioBetween(contenders, name, reference)
  const [one, two] = processes
  const byCpuTime = one && (2 * one.cpuMicroseconds.median) / two.cpuMicroseconds.median
  return [
    atLeast(1, `ours × ${JOSE}`, ratio(OURS, JOSE)),
    atLeast(1.6, `ours × ${OIDC_PROVIDER}`, ratio(OURS, OIDC_PROVIDER)),
    atLeast(0.85, `ours × ${NODE_CRYPTO}`, ratio(OURS, NODE_CRYPTO)),
    atLeast(0.75, 'ours with Redis × with memory', ratio(OURS_WITH_REDIS, OURS)),
    atLeast(
      1.7,
      'two processes × one, each with the generator on its cores',
      ratioBetween(processes, TWO_PROCESSES, ONE_PROCESS),
    ),
    atLeast(1.7, 'two processes × one, by the CPU time of the servers alone', byCpuTime),
  ]
}
