import { startRedisServer } from './redis-server.js'
import type { SharedStore } from './shared-store.js'

/** With a log that is written before each answer, so that a restart forgets nothing. */
export async function startSharedRedis(): Promise<SharedStore> {
  const server = await startRedisServer({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  return {
    toml: `store = "redis"\nurl = "${server.url}"`,
    outages: [
      {
        name: 'CLIENT PAUSE',
        begin: async () => void (await server.cli('CLIENT', 'PAUSE', '2000', 'ALL')),
        end: async () => void (await server.cli('PING')), // Not answered before the pause is over.
      },
      { name: 'kill -9 and restart', begin: () => server.stop(), end: () => server.restart() },
      {
        name: 'all connections closed',
        begin: async () => void (await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
        end: async () => {},
      },
    ],
    // Redis counts keys that have expired until it meets them.
    claims: async () => {
      const [, all, live] = /keys=(\d+),expires=(\d+)/.exec(await server.cli('INFO', 'keyspace')) ?? []
      return { live: Number(live ?? 0), all: Number(all ?? 0) }
    },
    close: () => server.stop(),
  }
}
