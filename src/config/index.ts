export { type ConfigFile, loadConfig, readConfig } from './load-config.js'
export type { LoadConfigOptions, ReadConfigOptions } from './load-options.js'
export { type LoadResourceServerConfigOptions, loadResourceServerConfig } from './load-resource-server-config.js'
export type {
  NamedReplayStore,
  NamedRevocationStore,
  NamedStore,
  OpenReplayStore,
  OpenRevocationStore,
  ReplayStores,
  RevocationStores,
} from './named-stores.js'
export { type WatchConfigOptions, watchConfig } from './watch-config.js'
