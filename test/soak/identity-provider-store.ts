import { expect, it } from '@jest/globals'
import { PostgresIdentityProviderStore } from '../../src/postgres.js'
import { createSchema } from '../support/postgres-schema.js'
import { measureReports } from '../support/registering-processes.js'
import { describeWithPostgres } from '../support/services.js'

const ROUNDS = 200
/** Milliseconds. */
const PROMISED = 1000

describeWithPostgres('two processes with one PostgreSQL identity provider store', () => {
  it(`report a change of the other one within a second, ${ROUNDS} times`, async () => {
    const schema = await createSchema()
    try {
      await new PostgresIdentityProviderStore(schema.openPool(), { schema: schema.name }).createTable()
      const times = (await measureReports(schema.name, ROUNDS)).toSorted((one, other) => one - other)
      const [median, longest] = [times[ROUNDS / 2] ?? 0, times.at(-1) ?? 0]
      process.stderr.write(
        `${ROUNDS} changes: reported after ${median.toFixed()} ms, at most ${longest.toFixed()} ms\n`,
      )
      expect(times).toHaveLength(ROUNDS)
      expect(longest).toBeLessThan(PROMISED)
    } finally {
      await schema.drop()
    }
  }, 120_000)
})
