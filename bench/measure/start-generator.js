import { GENERATOR_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'

/** The load generator, on the core that no server has. */
export function startGenerator() {
  return startProcess('load/generator.js', { core: GENERATOR_CORE })
}

/** The load generator on any core, for servers that use all of them. */
export function startUnpinnedGenerator() {
  return startProcess('load/generator.js')
}
