import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { DATABASE_URL } from './services.js'
import type { SharedStore } from './shared-store.js'

export async function createSharedDatabase(): Promise<SharedStore & { url: string }> {
  const name = `jwt_exchange_${randomBytes(6).toString('hex')}`
  const client = new Client({ connectionString: DATABASE_URL })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  // A commit waits for no disk: no test is about a server that loses its power.
  await client.query(`ALTER DATABASE ${name} SET synchronous_commit = off`)
  const url = new URL(DATABASE_URL)
  url.pathname = `/${name}`
  const inside = new Client({ connectionString: url.href, application_name: 'test' })
  await inside.connect()
  const terminate = async () => {
    const others = `datname = '${name}' AND application_name <> 'test'`
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${others}`)
  }
  return {
    url: url.href,
    toml: `store = "postgres"\nurl = "${url.href}"`,
    outages: [
      { name: 'all backends terminated', begin: terminate, end: async () => {} },
      {
        name: 'no connections allowed',
        begin: async () => {
          await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
          await terminate()
        },
        end: async () => void (await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)),
      },
      {
        name: 'the table locked',
        begin: async () => {
          await inside.query('BEGIN')
          await inside.query('LOCK TABLE jwt_used_assertions IN ACCESS EXCLUSIVE MODE')
        },
        end: async () => void (await inside.query('ROLLBACK')),
      },
    ],
    claims: async () => {
      const counts = 'count(*) FILTER (WHERE expires_at > now()) AS live, count(*) AS all'
      const [row] = (await inside.query(`SELECT ${counts} FROM jwt_used_assertions`)).rows
      return { live: Number(row.live), all: Number(row.all) }
    },
    close: async () => {
      await inside.end()
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`)
      await client.end()
    },
  }
}
