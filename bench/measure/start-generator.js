import { GENERATOR_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'

/** The load generator, on the core that no server has, where it stays awake. */
export async function startGenerator() {
  const generator = await startProcess('load/generator.js', { core: GENERATOR_CORE })
  await generator.ask('stay awake')
  return generator
}

/** The load generator on the core of a server, or undefined: on any, which servers have to share. */
export function startGeneratorBeside(core) {
  return startProcess('load/generator.js', { core })
}
