export type { PostgresPool } from './database/postgres-table.js'
export { PostgresReplayStore, type PostgresReplayStoreOptions } from './replay/postgres-replay-store.js'
