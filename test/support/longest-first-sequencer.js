import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import Sequencer from '@jest/test-sequencer'

/** The share of the time of all files from which one belongs into the list. */
const LONG = 0.02

/** The files that take longest, the longest first: one that starts last keeps one core waiting for it. */
const LONGEST = [
  'test/admin-page/admin-page.test.ts',
  'test/example-app/example-app.test.ts',
  'test/unit/replay/postgres-replay-store.test.ts',
  'test/contract/identity-providers-in-files.test.ts',
  'test/package/package.test.ts',
  'test/unit/option-tree.test.ts',
  'test/flows/several-processes/postgres.test.ts',
  'test/unit/replay/redis-replay-store.test.ts',
  'test/threats/jwks-endpoint.test.ts',
  'test/unit/identity-provider-store/postgres-identity-provider-store.test.ts',
  'test/flows/several-processes/redis.test.ts',
  'test/simulation/jwks-client.test.ts',
  'test/contract/postgres-identity-providers.test.ts',
  'test/contract/file-store-processes.test.ts',
  'test/package/readme-server.test.ts',
  'test/flows/policy/live-file.test.ts',
  'test/flows/idp-command.test.ts',
  'test/unit/replay/redis-cluster.test.ts',
  'test/unit/file-store/bad-files.test.ts',
  'test/flows/secrets-in-memory.test.ts',
  'test/contract/several-processes.test.ts',
  'test/flows/identity-provider-lookup.test.ts',
]

/**
 * Starts the longest files first, also in a clean clone, where Jest knows no times and goes by the size of the files.
 * The list stays true: a path that has gone is an error, and after a whole run a long file that it lacks is reported.
 */
export default class LongestFirstSequencer extends Sequencer {
  sort(tests) {
    const paths = LONGEST.map((file) => join(rootOf(tests), file))
    const gone = paths.filter((path) => !existsSync(path))
    if (gone.length > 0) throw new Error(`longest-first-sequencer.js: no such test file: ${gone.join(', ')}`)
    const placeOf = ({ path }) => (paths.includes(path) ? paths.indexOf(path) : paths.length)
    return super.sort(tests).toSorted((one, other) => placeOf(one) - placeOf(other))
  }

  cacheResults(tests, results) {
    super.cacheResults(tests, results)
    const root = rootOf(tests)
    const times = results.testResults.map(({ testFilePath, perfStats }) => ({
      file: relative(root, testFilePath),
      milliseconds: perfStats.end - perfStats.start,
    }))
    const total = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0)
    if (!LONGEST.every((file) => times.some((each) => each.file === file))) return // Not a whole run.
    for (const { file, milliseconds } of times) {
      if (milliseconds < LONG * total || LONGEST.includes(file)) continue
      process.stderr.write(`${file} took ${milliseconds} ms: add it to LONGEST in longest-first-sequencer.js\n`)
    }
  }
}

function rootOf(tests) {
  return tests[0]?.context.config.rootDir ?? process.cwd()
}
