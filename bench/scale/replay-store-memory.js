// Fills our replay store in memory, tells what that holds, and how long the event loop stands still while claims expire.
import { createHash } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { MemoryReplayStore } from '../../dist/index.js'
import { requireThat } from '../checks/require-that.js'
import { answerParent } from '../processes/answer-parent.js'
import { heldBytes } from './held-bytes.js'

/** Milliseconds between two looks at the event loop, which are part of each delay that is told. */
const RESOLUTION = 1
/** Seconds for which new claims live: an assertion of five minutes, and what is added to it. */
const LIFETIME = 421

const store = new MemoryReplayStore({ maxEntries: 2_000_000 })
let made = 0
let firstClaimed = 0

answerParent({ fill, expire, idle: ({ seconds, rate }) => watchDelays(seconds, rate, () => nextKey()) })

/** Claims that expire evenly over so many seconds from a time on, in the order in which they were made. */
async function fill({ claims, expiresFrom, expiresWithin }) {
  const before = await heldBytes()
  firstClaimed = made
  for (let index = 0; index < claims; index += 1) {
    store.markUsed(nextKey(), Math.floor(expiresFrom + (index / claims) * expiresWithin))
  }
  return { bytesEach: ((await heldBytes()) - before) / claims }
}

/** Lets the claims expire, while new ones are made at a steady rate. */
async function expire({ expiresFrom, seconds, rate }) {
  await setTimeout(Math.max(0, expiresFrom * 1000 - Date.now()))
  const sizeBefore = store.size
  const delays = await watchDelays(seconds, rate, () => claimNext())
  requireThat(!store.markUsed(keyOf(made - 1), now() + LIFETIME), 'a live claim is refused')
  requireThat(store.markUsed(keyOf(firstClaimed), now() + LIFETIME), 'an expired claim is free again')
  return { ...delays, sizeBefore, sizeAfter: store.size }
}

function claimNext() {
  requireThat(store.markUsed(nextKey(), now() + LIFETIME), 'a new claim is accepted')
}

function nextKey() {
  made += 1
  return keyOf(made - 1)
}

/** As keys are made of assertions. */
function keyOf(number) {
  return createHash('sha256').update(`https://idp.example.com ${number}`).digest('base64url')
}

function now() {
  return Math.floor(Date.now() / 1000)
}

/** Does something at a rate for so many seconds, and tells the delays of the event loop in milliseconds. */
async function watchDelays(seconds, rate, act) {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION })
  delays.enable()
  const startedAt = performance.now()
  let done = 0
  while (performance.now() - startedAt < seconds * 1000) {
    const due = ((performance.now() - startedAt) / 1000) * rate
    for (; done < due; done += 1) act()
    await setTimeout(1)
  }
  delays.disable()
  const inMilliseconds = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION)
  return {
    p99: inMilliseconds(delays.percentile(99)),
    p999: inMilliseconds(delays.percentile(99.9)),
    max: inMilliseconds(delays.max),
    done,
  }
}
