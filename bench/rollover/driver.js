// Identity providers and a load generator in one process, so that a fetch of keys waits for no other process to be scheduled.
import { Lane } from '../load/lane.js'
import { describeLane, describeLatencies, LEAD, latenciesBetween } from '../load/run-at-rate.js'
import { runClosedLoop } from '../load/run-closed-loop.js'
import { runOpenLoop } from '../load/run-open-loop.js'
import { answerParent } from '../processes/answer-parent.js'
import { registrationOf, startIdentityProviders } from './identity-providers.js'
import { signRequests } from './sign-assertions.js'

const CONNECTIONS = 32
const MOST_CONNECTIONS = 512

let identityProviders

answerParent({ start, maximum, rollOver, besideDead })

async function start() {
  identityProviders = await startIdentityProviders()
  return Object.values(identityProviders).map(registrationOf)
}

/** Exchanges in a closed loop. */
function maximum({ port, amount }) {
  const nextRequest = signRequests(identityProviders.live, amount, port)
  return runClosedLoop({ port, connections: CONNECTIONS, amount, nextRequest })
}

/**
 * Exchanges at a fixed rate, with the present key for some seconds, and with a new one for the second after. The new key is
 * published before, as identity providers do, and the first assertion that is signed with it begins the second.
 */
async function rollOver({ port, rate, secondsBefore }) {
  const { live } = identityProviders
  const rollsOverAt = LEAD + secondsBefore
  const nextOld = signRequests(live, rate * (rollsOverAt + 1), port)
  await live.rotate()
  const nextNew = signRequests(live, rate * 2, port)
  const fetchesBefore = live.fetches
  const nextRequest = (due) => (due < rollsOverAt * 1000 ? nextOld() : nextNew())
  const lane = await openLane(port, rate, nextRequest)
  await runOpenLoop([lane], rollsOverAt + 1)
  return {
    ...describeLane(lane),
    before: describeLatencies(latenciesBetween(lane, LEAD, rollsOverAt)),
    during: describeLatencies(latenciesBetween(lane, rollsOverAt, rollsOverAt + 1)),
    fetches: live.fetches - fetchesBefore,
  }
}

/** Exchanges with the live one at a fixed rate, and where one is named, requests with assertions of a dead one beside them. */
async function besideDead({ port, rate, seconds, dead, deadRate }) {
  const duration = LEAD + seconds
  const lane = await openLane(port, rate, signRequests(identityProviders.live, rate * (duration + 1), port))
  const nextOfDead = dead && signRequests(identityProviders[dead], deadRate * (duration + 1), port)
  const deadLane = nextOfDead && (await openLane(port, deadRate, nextOfDead))
  await runOpenLoop(deadLane ? [lane, deadLane] : [lane], duration)
  return {
    ...describeLane(lane),
    ...describeLatencies(latenciesBetween(lane, LEAD, duration)),
    deadStatuses: deadLane?.statuses,
  }
}

async function openLane(port, rate, nextRequest) {
  const lane = new Lane(port, { rate, mostConnections: MOST_CONNECTIONS, nextRequest })
  await lane.open(CONNECTIONS)
  return lane
}
