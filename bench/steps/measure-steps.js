import { SERVER_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'

/** Microseconds of each step of a request, by its name. */
export async function measureSteps() {
  const child = await startProcess('steps/time-steps.js', { core: SERVER_CORE })
  try {
    return await child.ask('time')
  } finally {
    await child.end()
  }
}
