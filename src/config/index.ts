export { type LoadConfigOptions, loadConfig } from './load-config.js'
export type { OpenReplayStore, ReplayStores } from './named-replay-store.js'
export { type WatchConfigOptions, watchConfig } from './watch-config.js'
