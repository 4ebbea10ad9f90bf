import { randomBytes } from 'node:crypto'
import { createClient } from 'redis'

/** Milliseconds. */
const CONNECT_TIMEOUT = 1000

/** A keyspace of our own in the Redis of REDIS_URL, or of this machine; undefined where none answers. */
export async function openKeyspace() {
  const url = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
  const client = createClient({ url, socket: { connectTimeout: CONNECT_TIMEOUT, reconnectStrategy: false } })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch {
    return undefined
  }
  const prefix = `bench-${randomBytes(9).toString('base64url')}:`
  return { url, prefix, close: () => deleteKeys(client, prefix) }
}

async function deleteKeys(client, prefix) {
  for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) {
    if (keys.length > 0) await client.unlink(keys)
  }
  await client.close()
}
