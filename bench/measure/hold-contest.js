import { summarise } from './statistics.js'

/** Requests until a server has compiled what it runs often. */
export const WARM_UP_REQUESTS = 12_000
/** Seconds of load before each measured run. */
const LEAD = 0.2
/** How much faster a contender may become after its warm-up. */
const RESERVE = 1.15

/**
 * Measures contenders against each other: all are started, checked and warmed up; then each is measured once a round, in
 * an order that moves on by one each round; then all are checked again.
 *
 * @param client how the generator sends: `autocannon`, `closed loop` or `closed loop that sleeps`
 */
export async function holdContest({ contenders, pool, generator, client = 'autocannon', rounds, seconds, tell }) {
  try {
    tell(`starting ${contenders.length} servers`)
    await inTurn(contenders, (contender) => contender.start())
    await pool.grow(WARM_UP_REQUESTS + 1000)
    await inTurn(contenders, (contender) => contender.check())
    tell('warming up')
    await inTurn(contenders, (contender) => contender.warmUp(generator, client, WARM_UP_REQUESTS))
    await growFor({ contenders, pool, seconds: rounds * (LEAD + seconds), tell })
    await playRounds({ contenders, pool, generator, client, rounds, seconds, tell })
    await inTurn(contenders, (contender) => contender.check())
    return contenders.map(describe)
  } finally {
    await Promise.all(contenders.map((contender) => contender.end()))
  }
}

async function playRounds({ contenders, pool, generator, client, rounds, seconds, tell }) {
  for (let round = 0; round < rounds; round += 1) {
    await growFor({ contenders, pool, seconds: LEAD + seconds, tell })
    tell(`round ${round + 1} of ${rounds}`)
    const first = round % contenders.length
    await inTurn([...contenders.slice(first), ...contenders.slice(0, first)], async (contender) => {
      await contender.run(generator, client, LEAD)
      contender.rounds.push(await contender.run(generator, client, seconds))
    })
  }
}

/** Signs what the contender needs that uses most tokens, a little more than it should. */
async function growFor({ contenders, pool, seconds, tell }) {
  const needed = Math.ceil(Math.max(...contenders.map((contender) => contender.tokensNeeded(seconds * RESERVE))))
  if (needed > pool.count) tell(`signing ${needed - pool.count} tokens`)
  await pool.grow(needed)
}

function describe({ name, rounds }) {
  return {
    name,
    requestsPerSecond: summarise(rounds.map(({ rate }) => rate)),
    cpuMicroseconds: summarise(rounds.map(({ cpuMicroseconds }) => cpuMicroseconds)),
    coreUse: summarise(rounds.map(({ coreUse }) => coreUse)),
  }
}

async function inTurn(contenders, act) {
  for (const contender of contenders) await act(contender)
}
