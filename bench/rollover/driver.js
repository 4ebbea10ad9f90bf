// Identity providers and a load generator in one process, so that a fetch of keys waits for no other process to be scheduled.
import { Lane } from '../load/lane.js'
import { describeLane, LEAD, latenciesBetween } from '../load/run-at-rate.js'
import { runClosedLoop } from '../load/run-closed-loop.js'
import { runOpenLoop } from '../load/run-open-loop.js'
import { answerParent } from '../processes/answer-parent.js'
import { registrationOf, startIdentityProviders } from './identity-providers.js'
import { signRequests } from './sign-assertions.js'

const CONNECTIONS = 32
const MAX_CONNECTIONS = 512

let identityProviders

answerParent({ start, maximum, rollOver, besideOther })

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
    before: latenciesBetween(lane, LEAD, rollsOverAt),
    during: latenciesBetween(lane, rollsOverAt, rollsOverAt + 1),
    fetches: live.fetches - fetchesBefore,
  }
}

/** Exchanges with the live one at a fixed rate, and requests with assertions of another one, alive or dead, beside them. */
async function besideOther({ port, rate, seconds, other, otherRate }) {
  const duration = LEAD + seconds
  const lane = await openLane(port, rate, signRequests(identityProviders.live, rate * (duration + 1), port))
  const nextOfOther = signRequests(identityProviders[other], otherRate * (duration + 1), port)
  const otherLane = await openLane(port, otherRate, nextOfOther)
  await runOpenLoop([lane, otherLane], duration)
  return {
    ...describeLane(lane),
    latencies: latenciesBetween(lane, LEAD, duration),
    otherStatuses: otherLane.statuses,
  }
}

async function openLane(port, rate, nextRequest) {
  const lane = new Lane(port, { rate, mostConnections: MAX_CONNECTIONS, nextRequest })
  await lane.open(CONNECTIONS)
  return lane
}
