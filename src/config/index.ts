export { type LoadConfigOptions, loadConfig } from './load-config.js'
