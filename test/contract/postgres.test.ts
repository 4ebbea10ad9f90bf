import { afterAll, beforeAll, it, jest } from '@jest/globals'
import { PostgresReplayStore } from '../../src/replay/postgres-replay-store.js'
import { replayStoreContract } from '../../src/testing/index.js'
import { createSchema, type TestSchema } from '../support/postgres-schema.js'
import { describeWithPostgres } from '../support/services.js'

jest.setTimeout(60_000)

describeWithPostgres('the PostgreSQL replay store', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchema()
  })
  afterAll(() => schema.drop())

  const makeStore = async () => {
    const store = new PostgresReplayStore(schema.openPool({ max: 1, idleTimeoutMillis: 200 }), { schema: schema.name })
    await store.createTable()
    return store
  }
  for (const { name, run } of replayStoreContract(makeStore)) it.concurrent(name, run)
})
