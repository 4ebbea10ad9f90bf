export type { RedisClient } from './database/redis-client.js'
export { RedisReplayStore, type RedisReplayStoreOptions } from './replay/redis-replay-store.js'
export { RedisRevocationStore, type RedisRevocationStoreOptions } from './revocation/redis-revocation-store.js'
