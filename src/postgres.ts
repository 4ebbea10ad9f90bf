export type { PostgresPool } from './database/postgres-table.js'
export {
  PostgresIdentityProviderStore,
  type PostgresIdentityProviderStoreOptions,
} from './identity-provider-store/postgres-identity-provider-store.js'
export type { PostgresConnection, PostgresConnectionPool } from './identity-provider-store/postgres-listener.js'
export { PostgresReplayStore, type PostgresReplayStoreOptions } from './replay/postgres-replay-store.js'
