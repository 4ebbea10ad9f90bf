import type { JwtExchangeOptions } from '../exchange/options.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { ReplayStores, RevocationStores } from './named-stores.js'

/** Spread below the given options, so that nothing is read from `Object.prototype` instead. */
export const NO_LOAD_OPTIONS = {
  env: undefined,
  options: undefined,
  replayStores: undefined,
  revocationStores: undefined,
  ignoreUnknownTables: undefined,
}

/** Options of `loadConfig`, `readConfig` and `watchConfig`. */
export interface ConfigFileOptions {
  /** Where `${VAR}` is looked up. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
  /**
   * Options that need code, such as `findClient` or a `subject` function. Each replaces that whole top-level option of the
   * file. A table or a list entry here throws a ConfigError if it leaves out something that the file sets there, because
   * that would be lost. Default: none.
   */
  options?: Partial<JwtExchangeOptions>
  /**
   * `true`: tables that are not of this package are ignored, so that a `deployment.toml` of WSO2 Identity Server can stay as it
   * is. `check` notes each of them. A name that is like one of this package is still a problem: it may be a slip. Default: false.
   */
  ignoreUnknownTables?: boolean
}

/**
 * Options of `readConfig`.
 *
 * @example
 * const { options, replayStore } = readConfig('deployment.toml', { replayStores: ['redis', 'postgres'] })
 */
export interface ReadConfigOptions<StoreName extends string = string, RevocationStoreName extends string = string>
  extends ConfigFileOptions {
  /** The names that `store` in `[replay]` may have in addition to `memory`. Default: any name. */
  replayStores?: readonly StoreName[]
  /** The names that `store` in `[revocation]` may have in addition to `memory`. Default: any name. */
  revocationStores?: readonly RevocationStoreName[]
}

/**
 * Options of `loadConfig`.
 *
 * @example
 * const clients = new Map<string, ClientOptions>()
 * loadConfig('deployment.toml', { options: { findClient: (clientId) => clients.get(clientId) } }) // no [[client]] in it
 */
export interface LoadConfigOptions extends ConfigFileOptions {
  /**
   * The names that `store` in `[replay]` may have in addition to `memory`, each with a function that creates the store from the
   * `url` there: `{ redis: (url) => new RedisReplayStore(createClient({ url })) }`. It is called only if the whole file is in
   * order. Default: `memory` only.
   */
  replayStores?: ReplayStores
  /** The same for `store` in `[revocation]`: `{ redis: (url) => new RedisRevocationStore(createClient({ url })) }`. */
  revocationStores?: RevocationStores
}

/** @throws ConfigError for an unknown option */
export function checkLoadOptions(call: string, loadOptions: object, others: readonly string[] = []): void {
  const reader = new OptionReader(loadOptions, [call])
  for (const name of ['env', 'options', 'replayStores', 'revocationStores']) checkObject(reader, name)
  reader.boolean('ignoreUnknownTables', false)
  for (const name of others) reader.has(name)
  reader.refuseUnknown()
  reader.throwProblems()
}

/** @throws ConfigError for an unknown option */
export function checkReadOptions(readOptions: object): void {
  const reader = new OptionReader(readOptions, ['readConfig'])
  for (const name of ['env', 'options']) checkObject(reader, name)
  reader.boolean('ignoreUnknownTables', false)
  reader.strings('replayStores', 'the name of a replay store')
  reader.strings('revocationStores', 'the name of a revocation store')
  reader.refuseUnknown()
  reader.throwProblems()
}

/** Its members are checked elsewhere. */
function checkObject(reader: OptionReader, name: string): void {
  const value = reader.hostObject(name)
  if (value === undefined || (typeof value === 'object' && !Array.isArray(value))) return
  reader.problem(name, 'an object', undefined, 'wrong_type')
}
