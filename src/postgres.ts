export type { PostgresConnection, PostgresConnectionPool } from './database/postgres-listener.js'
export type { PostgresPool } from './database/postgres-table.js'
export {
  PostgresIdentityProviderStore,
  type PostgresIdentityProviderStoreOptions,
} from './identity-provider-store/postgres-identity-provider-store.js'
export { PostgresReplayStore, type PostgresReplayStoreOptions } from './replay/postgres-replay-store.js'
export { PostgresRevocationStore, type PostgresRevocationStoreOptions } from './revocation/postgres-revocation-store.js'
