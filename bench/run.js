// Measures the package side by side with its peers: node bench/run.js [token|clients|route|introspection|scale|rollover] [--rounds N] [--seconds S]
import { existsSync } from 'node:fs'
import { readCommandLine } from './command-line.js'
import { endAllProcesses } from './processes/start-process.js'

const PARTS = ['token', 'clients', 'route', 'introspection', 'scale', 'rollover']

/** The next question to a process that was ended fails, and what was made is cleaned up. A second signal ends at once. */
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, endAllProcesses)

async function run({ parts, rounds, seconds }) {
  requireBuilt('../dist/index.js', 'npm ci && npm run build, at the root of the repository')
  requireBuilt('node_modules/autocannon', 'npm ci --prefix bench')
  const { runPart } = await import('./run-part.js')
  for (const part of parts) await runPart(part, { rounds, seconds })
}

function requireBuilt(path, command) {
  if (!existsSync(new URL(path, import.meta.url))) throw new Error(`${path} is missing: ${command}`)
}

try {
  await run(readCommandLine(process.argv.slice(2), PARTS))
} catch (error) {
  console.error(String(error))
  process.exitCode = 1
}
