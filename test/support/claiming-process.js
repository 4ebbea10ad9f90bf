// A process with stores of its own. Told { open: [kind, URL, prefix or schema] }, it opens the store that it uses from then on. Told
// { key, expiresAt, claims }, it makes that many claims at once and sends the answers.

const OPEN = {
  async pg(url, schema) {
    const [{ PostgresReplayStore }, { Pool }] = await Promise.all([
      import('express-jwt-exchange/postgres'),
      import('pg'),
    ])
    return new PostgresReplayStore(new Pool({ connectionString: url }), { schema })
  },
  async ioredis(url, prefix) {
    const [{ RedisReplayStore }, { Redis }] = await Promise.all([
      import('express-jwt-exchange/redis'),
      import('ioredis'),
    ])
    const client = new Redis(url, { lazyConnect: true })
    await client.connect()
    return new RedisReplayStore(client, { prefix })
  },
  async redis(url, prefix) {
    const [{ RedisReplayStore }, { createClient }] = await Promise.all([
      import('express-jwt-exchange/redis'),
      import('redis'),
    ])
    const client = createClient({ url })
    await client.connect()
    return new RedisReplayStore(client, { prefix })
  },
}

let store
process.on('message', async ({ open, key, expiresAt, claims }) => {
  if (open !== undefined) {
    const [kind, url, place] = open
    store = await OPEN[kind](url, place)
    process.send('open')
    return
  }
  process.send(await Promise.all(Array.from({ length: claims }, () => store.markUsed(key, expiresAt))))
})
process.send('ready')
