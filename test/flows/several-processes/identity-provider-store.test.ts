import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import type { RegistrationChange } from '../../../src/identity-provider-store/identity-provider-store.js'
import { PostgresIdentityProviderStore } from '../../../src/postgres.js'
import { createSchema, type TestSchema } from '../../support/postgres-schema.js'
import { measureReports, startRegisteringProcess } from '../../support/registering-processes.js'
import { describeWithPostgres } from '../../support/services.js'

const ROUNDS = 20
/** Milliseconds on a busy machine; a second is promised. */
const ALLOWED = 1500
const KILLS = 8
jest.setTimeout(120_000)

describeWithPostgres('processes with one PostgreSQL identity provider store', () => {
  let schema: TestSchema
  let store: PostgresIdentityProviderStore
  beforeAll(async () => {
    schema = await createSchema()
    store = new PostgresIdentityProviderStore(schema.openPool({ max: 4 }), { schema: schema.name })
    await store.createTable()
  })
  afterAll(() => schema.drop())

  it(`report a change of the other one within a second, ${ROUNDS} times`, async () => {
    const times = await measureReports(schema.name, ROUNDS)
    expect(times).toHaveLength(ROUNDS)
    expect(times.filter((time) => time > ALLOWED)).toEqual([])
  })

  describe('that are killed while they write', () => {
    const ids = ['a', 'b', 'c']
    const changes: (RegistrationChange | undefined)[] = []
    const acknowledged: string[] = []

    beforeAll(async () => {
      const [last] = await schema.query(
        `SELECT coalesce(max(sequence), 0)::int AS sequence FROM ${schema.name}.jwt_identity_providers_changes`,
      )
      await schema.query(`UPDATE ${schema.name}.jwt_identity_providers_changes SET at = at - interval '1 minute'`)
      const stop = store.watch((change) => changes.push(change))
      for (let kill = 0; kill < KILLS; kill += 1) {
        const application = `${schema.name}-${kill}`
        const writers = await Promise.all([0, 1].map(() => startRegisteringProcess(schema.name, application)))
        for (const writer of writers) writer.send({ write: ids })
        for (const writer of writers) await writer.until(() => writer.stored.length >= 5)
        await pause(Math.random() * 100)
        for (const writer of writers) await writer.kill()
        acknowledged.push(...writers.flatMap((writer) => writer.stored.map(({ revision }) => revision)))
        await untilGone(application)
      }
      const [{ count } = { count: 0 }] = await schema.query(
        `SELECT count(*)::int AS count FROM ${schema.name}.jwt_identity_providers_changes WHERE sequence > $1`,
        [last?.sequence],
      )
      while (changes.length < Number(count)) await pause(10)
      stop()
    })

    /** The server ends what a killed process has begun. */
    async function untilGone(application: string): Promise<void> {
      const statement = 'SELECT 1 FROM pg_stat_activity WHERE application_name = $1'
      while ((await schema.query(statement, [application])).length > 0) await pause(10)
    }

    it('leave each registration as one of them wrote it', async () => {
      const stored = (await store.list()).filter(({ id }) => ids.includes(id))
      for (const { name, description, scopes } of stored) {
        expect(name.endsWith(`/${description}`)).toBe(true)
        expect(scopes).toEqual(Array(300).fill(`scope:${description}`))
      }
      expect(acknowledged.length).toBeGreaterThanOrEqual(KILLS * 10)
    })

    it('have each write recorded once that they know of', () => {
      const revisions = changes.flatMap((change) => change?.revision ?? [])
      expect(changes).not.toContain(undefined)
      expect(new Set(revisions).size).toBe(revisions.length)
      expect(acknowledged.filter((revision) => !revisions.includes(revision))).toEqual([])
    })

    it('leave what was reported last', async () => {
      for (const id of ids) {
        const last = changes.findLast((change) => change?.id === id)
        expect((await store.get(id))?.revision).toBe(last?.revision)
      }
    })
  })
})
