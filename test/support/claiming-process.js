// A process with a store of its own. Told { key, expiresAt, claims }, it makes that many claims at once and sends the answers.
import { PostgresReplayStore } from 'express-jwt-exchange/postgres'
import { RedisReplayStore } from 'express-jwt-exchange/redis'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { createClient } from 'redis'

const [kind, url, place] = process.argv.slice(2)

async function openStore() {
  if (kind === 'pg') return new PostgresReplayStore(new Pool({ connectionString: url }), { schema: place })
  if (kind === 'ioredis') {
    const client = new Redis(url, { lazyConnect: true })
    await client.connect()
    return new RedisReplayStore(client, { prefix: place })
  }
  const client = createClient({ url })
  await client.connect()
  return new RedisReplayStore(client, { prefix: place })
}

const store = await openStore()
process.on('message', async ({ key, expiresAt, claims }) => {
  process.send(await Promise.all(Array.from({ length: claims }, () => store.markUsed(key, expiresAt))))
})
process.send('ready')
