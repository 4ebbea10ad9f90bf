export { type ConfigFile, loadConfig, readConfig } from './load-config.js'
export type { LoadConfigOptions, ReadConfigOptions } from './load-options.js'
export type { NamedReplayStore, OpenReplayStore, ReplayStores } from './named-replay-store.js'
export { type WatchConfigOptions, watchConfig } from './watch-config.js'
