import { SERVER_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'

export const MANY = 10_000
export const CLAIMS = 1_000_000
/** Claims a second, about as many as a token endpoint on one core makes. */
export const CLAIM_RATE = 5000
/** Seconds in which a million claims are made, at the latest. */
const FILLING = 15

/** Bytes of each identity provider that is registered and not used. */
export async function measureIdentityProviderBytes() {
  const bytesOfOne = await askAlone('scale/identity-provider-memory.js', 'measure', { others: 0 })
  const bytesOfMany = await askAlone('scale/identity-provider-memory.js', 'measure', { others: MANY })
  return (bytesOfMany - bytesOfOne) / MANY
}

/** Bytes of each live claim, and the delays of the event loop while all of them expire within so many seconds. */
export async function measureReplayStore(seconds) {
  const child = await startWithGc('scale/replay-store-memory.js')
  try {
    const idle = await child.ask('idle', { seconds: Math.min(5, seconds), rate: CLAIM_RATE })
    const expiresFrom = Math.floor(Date.now() / 1000) + FILLING
    const { bytesEach } = await child.ask('fill', { claims: CLAIMS, expiresFrom, expiresWithin: seconds })
    const delays = await child.ask('expire', { expiresFrom, seconds, rate: CLAIM_RATE })
    return { bytesEach, idle, delays }
  } finally {
    await child.end()
  }
}

async function askAlone(script, question, body) {
  const child = await startWithGc(script)
  try {
    return await child.ask(question, body)
  } finally {
    await child.end()
  }
}

function startWithGc(script) {
  return startProcess(script, { core: SERVER_CORE, nodeOptions: ['--expose-gc'] })
}
