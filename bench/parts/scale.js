import { generateSigningKey } from '../../dist/index.js'
import { generateFakeKey } from '../../dist/testing/index.js'
import { checkTokenEndpoint } from '../checks/check-token-endpoint.js'
import { Contender } from '../measure/contender.js'
import { holdContest } from '../measure/hold-contest.js'
import { measureLatency } from '../measure/measure-latency.js'
import { ratioBetween, withRatios } from '../measure/ratios.js'
import { startGenerator } from '../measure/start-generator.js'
import { GENERATOR_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'
import { printContest } from '../report/print-contest.js'
import { printTable, wholeNumber } from '../report/print-table.js'
import { manyIdentityProviders } from '../scale/many-identity-providers.js'
import { CLAIM_RATE, CLAIMS, MANY, measureIdentityProviderBytes, measureReplayStore } from '../scale/measure-memory.js'
import { atLeast, atMost } from '../targets.js'
import { assertionClaims } from '../tokens/claims.js'
import { TokenPool } from '../tokens/token-pool.js'

const ONE = 'one identity provider'
const MANY_REGISTERED = `one amid ${wholeNumber(MANY)} others`
const OURS = 'ours, memory store'
const JOSE = 'by hand: jose, no other check'
const BARE = 'bare Express: parse the form, answer JSON'
const LOAD = 0.7
/** Rounds at a fixed rate are longer, and fewer: their latencies have more than a percentile to tell. */
const LATENCY_ROUNDS = 3
const LATENCY_SECONDS_FACTOR = 2
/** Milliseconds: a server with a longer p50 does not keep up, and its percentiles lie close together for that alone. */
const MAX_P50 = 10
/** Claims expire for longer than a round lasts. */
const EXPIRY_SECONDS_FACTOR = 7

export const defaults = { rounds: 9, seconds: 3 }

/** What much of everything costs: identity providers, used assertions, load. */
export async function measureScale({ rounds, seconds, tell }) {
  const key = await generateFakeKey('RS256')
  const header = { alg: 'RS256', typ: 'JWT', kid: key.kid }
  const pool = await TokenPool.create({ privateJwk: key.privateJwk, header, claims: assertionClaims() })
  const keySet = await startProcess('servers/key-set.js', { core: GENERATOR_CORE })
  const generator = await startGenerator()
  try {
    const { port } = await keySet.ask('start', { keys: [key.publicJwk] })
    const conditions = { jwksOrigin: `http://127.0.0.1:${port}`, pool, generator, tell }
    const contenders = await compareProviders({ ...conditions, rounds, seconds })
    const latencies = await measureUnderLoad({ ...conditions, key, seconds: seconds * LATENCY_SECONDS_FACTOR })
    tell('creating identity providers')
    const identityProviderBytes = await measureIdentityProviderBytes()
    tell('filling the replay store, and letting it expire')
    const replayStore = await measureReplayStore(seconds * EXPIRY_SECONDS_FACTOR)
    return report({ contenders, latencies, identityProviderBytes, replayStore, rounds, seconds })
  } finally {
    await Promise.all([pool.remove(), keySet.end(), generator.end()])
  }
}

async function compareProviders({ jwksOrigin, pool, generator, rounds, seconds, tell }) {
  const contenders = [createTraits(ONE, 0, jwksOrigin), createTraits(MANY_REGISTERED, MANY, jwksOrigin)].map(
    (traits) => new Contender(traits, pool),
  )
  return withRatios(await holdContest({ contenders, pool, generator, rounds, seconds, tell }), ONE)
}

/** Ours, and what is measured beside it: both have the same server under them. */
async function measureUnderLoad({ jwksOrigin, pool, generator, key, seconds, tell }) {
  const ours = createTraits(OURS, 0, jwksOrigin)
  const settings = { ...ours.settings, identityProviderKey: key.publicJwk }
  const byHand = { ...ours, settings, checks: { signature: true } }
  const latencies = []
  for (const traits of [
    ours,
    { ...byHand, name: JOSE, script: 'token/jose-by-hand.js' },
    { ...byHand, name: BARE, script: 'token/bare-express.js', checks: {} },
  ]) {
    tell(`latency of ${traits.name}`)
    const contender = new Contender(traits, pool)
    latencies.push(await measureLatency({ contender, pool, generator, share: LOAD, rounds: LATENCY_ROUNDS, seconds }))
  }
  return latencies
}

function createTraits(name, others, jwksOrigin) {
  return {
    name,
    kind: 'exchange',
    script: 'token/ours-memory.js',
    settings: { identityProviders: manyIdentityProviders(others, jwksOrigin), signingKey: generateSigningKey('ES256') },
    checks: { signature: true, replay: true },
    check: checkTokenEndpoint,
  }
}

function report({ contenders, latencies, identityProviderBytes, replayStore, rounds, seconds }) {
  printContest(`Registered identity providers, ${rounds} rounds of ${seconds} s`, contenders)
  console.log(`\nA registered identity provider until it is used: ${(identityProviderBytes / 1024).toFixed(2)} KB`)
  console.log(`A claim in the memory store, of ${wholeNumber(CLAIMS)}: ${replayStore.bytesEach.toFixed(0)} bytes`)
  printDelays(replayStore)
  printLatencies(latencies)
  const targets = findTargets({ contenders, latencies, identityProviderBytes, replayStore })
  return { contenders, latencies, identityProviderBytes, replayStore, targets }
}

function printDelays({ idle, delays }) {
  console.log(
    `\nEvent loop delay in ms at ${wholeNumber(CLAIM_RATE)} entries a second, in addition to the timer's own millisecond`,
  )
  const rowOf = (name, { p99, p999, max }) => [name, p99.toFixed(2), p999.toFixed(2), max.toFixed(2)]
  const rows = [rowOf('keys are made, no claims', idle), rowOf('while all claims expire', delays)]
  printTable(['', 'p99', 'p99.9', 'max'], rows)
  console.log(`Claims held before: ${wholeNumber(delays.sizeBefore)}, after: ${wholeNumber(delays.sizeAfter)}`)
}

function printLatencies(latencies) {
  const share = `Latency in ms at ${LOAD * 100} % of the maximum`
  console.log(`\n${share}, arrivals as autocannon paces them: medians of ${LATENCY_ROUNDS} rounds`)
  printPercentiles(latencies.map(({ name, rate, paced }) => ({ name, rate, ...paced })))
  console.log(`\n${share}, even arrivals: medians of ${LATENCY_ROUNDS} rounds`)
  printPercentiles(latencies)
  const lateness = latencies.map(({ generatorLateness }) => generatorLateness.median.toFixed(2))
  console.log(`The generator itself was late there by, p99 in ms: ${lateness.join(', ')}`)
  if (!keepsUp(latencies[0])) console.log('Ours did not keep up, so the ratio says nothing')
}

function printPercentiles(latencies) {
  const rowOf = ({ name, rate, p50, p99, p999, max, p99ToP50 }) => [
    name,
    wholeNumber(rate),
    ...[p50, p99, p999, max, p99ToP50].map(({ median }) => median.toFixed(2)),
  ]
  printTable(['', 'requests a second', 'p50', 'p99', 'p99.9', 'max', 'p99 / p50'], latencies.map(rowOf))
}

function keepsUp({ p50 }) {
  return p50.median < MAX_P50
}

function findTargets({ contenders, latencies, identityProviderBytes, replayStore }) {
  const [ours] = latencies
  return [
    atLeast(0.97, `exchanges a second: ${MANY_REGISTERED} × ${ONE}`, ratioBetween(contenders, MANY_REGISTERED, ONE)),
    atMost(3, 'KB of an identity provider until used', identityProviderBytes / 1024),
    atMost(160, 'bytes of a live entry in the memory store', replayStore.bytesEach),
    atMost(5, 'event loop delay while entries expire, p99.9 in ms', replayStore.delays.p999),
    atMost(3, `p99 / p50 at ${LOAD * 100} % load, as autocannon paces it`, ours.paced.p99ToP50.median),
    atMost(3, `p99 / p50 at ${LOAD * 100} % load, even arrivals`, keepsUp(ours) ? ours.p99ToP50.median : undefined),
  ]
}
