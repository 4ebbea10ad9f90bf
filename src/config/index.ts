export {
  type ConfigFile,
  type LoadConfigOptions,
  loadConfig,
  type ReadConfigOptions,
  readConfig,
} from './load-config.js'
export type { NamedReplayStore, OpenReplayStore, ReplayStores } from './named-replay-store.js'
export { type WatchConfigOptions, watchConfig } from './watch-config.js'
