import { median, summarise } from './statistics.js'

/** Requests until a server has compiled what it runs often. */
export const WARM_UP_REQUESTS = 12_000
/** Seconds of load before each measured run. */
const LEAD = 0.2
/** How much faster a contender may become after its warm-up. */
const RESERVE = 1.15

/**
 * Measures contenders against each other: all are started, checked and warmed up; then each is measured once a round, in a
 * random order, because the machine slows down at times; then all are checked again. If a contender has several processes, the
 * one in the middle counts in each round.
 *
 * @param client how the generator sends: `autocannon`, `closed loop` or `closed loop that sleeps`
 */
export async function holdContest({ contenders, pool, generator, client = 'autocannon', rounds, seconds, tell }) {
  const servers = contenders.flatMap(({ processes }) => processes)
  try {
    tell(`starting ${servers.length} servers`)
    await inTurn(servers, (server) => server.start())
    await pool.grow(WARM_UP_REQUESTS + 1000)
    await inTurn(servers, (server) => server.check())
    tell('warming up')
    await inTurn(servers, (server) => server.warmUp(generator, client, WARM_UP_REQUESTS))
    await growFor({ servers, pool, seconds: rounds * (LEAD + seconds), tell })
    await playRounds({ servers, pool, generator, client, rounds, seconds, tell })
    await inTurn(servers, (server) => server.check())
    return contenders.map(describe)
  } finally {
    await Promise.all(servers.map((server) => server.end()))
  }
}

async function playRounds({ servers, pool, generator, client, rounds, seconds, tell }) {
  for (let round = 0; round < rounds; round += 1) {
    await growFor({ servers, pool, seconds: LEAD + seconds, tell })
    tell(`round ${round + 1} of ${rounds}`)
    await inTurn(shuffled(servers), async (server) => {
      await server.run(generator, client, LEAD)
      server.rounds.push(await server.run(generator, client, seconds))
    })
  }
}

function shuffled(items) {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item)
}

/** Signs what the server needs that uses most tokens, a little more than it should. */
async function growFor({ servers, pool, seconds, tell }) {
  const needed = Math.ceil(Math.max(...servers.map((server) => server.tokensNeeded(seconds * RESERVE))))
  if (needed > pool.count) tell(`signing ${needed - pool.count} tokens`)
  await pool.grow(needed)
}

function describe({ name, rounds, processes }) {
  const summariseRounds = (figure) =>
    summarise(rounds.map((_, round) => median(processes.map((each) => each.rounds[round][figure]))))
  return {
    name,
    processes: processes.length,
    requestsPerSecond: summariseRounds('rate'),
    cpuMicroseconds: summariseRounds('cpuMicroseconds'),
    coreUse: summariseRounds('coreUse'),
  }
}

async function inTurn(servers, act) {
  for (const server of servers) await act(server)
}
