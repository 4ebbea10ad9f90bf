import { afterAll, beforeAll, it, jest } from '@jest/globals'
import { PostgresIdentityProviderStore } from '../../src/postgres.js'
import { identityProviderStoreContract } from '../../src/testing/index.js'
import { createSchema, type TestSchema } from '../support/postgres-schema.js'
import { describeWithPostgres } from '../support/services.js'

jest.setTimeout(60_000)

describeWithPostgres('the PostgreSQL identity provider store', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchema()
  })
  afterAll(() => schema.drop())

  const makeStore = async () => {
    const pool = schema.openPool({ max: 4, idleTimeoutMillis: 200 })
    const store = new PostgresIdentityProviderStore(pool, { schema: schema.name })
    await store.createTable()
    return store
  }
  for (const { name, run } of identityProviderStoreContract(makeStore)) it(name, run)
})
