import { dirname, resolve } from 'node:path'
import { parse, type TomlTable } from 'smol-toml'
import { fieldOf } from '../errors/field-of.js'
import { inspectOptions, type JwtExchangeOptions, type JwtExchangeSettings } from '../exchange/options.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { ConfigError } from '../option-checks/config-error.js'
import { reportProblemsOf } from '../option-checks/findings.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { ReplayStore } from '../replay/replay-store.js'
import { findDroppedOptions } from './dropped-options.js'
import { digestOf, type FileProblem, type Origin, readSource, readUnchanged, reportProblems } from './file-problem.js'
import { detached, noteRawSecrets, withHashedSecrets } from './forget-secrets.js'
import { type NamedReplayStore, openNamed, type ReplayStores, readNamedReplayStore } from './named-replay-store.js'
import { readTomlOptions } from './read-toml-options.js'
import { isBareText } from './toml-location.js'

/** Spread below the given options, so that nothing is read from `Object.prototype` instead. */
const NO_LOAD_OPTIONS = { env: undefined, options: undefined, replayStores: undefined }

/** Options of `loadConfig`, `readConfig` and `watchConfig`. */
interface ConfigFileOptions {
  /** Where `${VAR}` is looked up. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
  /**
   * Options that need code, such as `findClient` or a `subject` function. Each replaces that whole top-level option of the
   * file. A table or a list entry here throws a ConfigError if it leaves out something that the file sets there, because
   * that would be lost. Default: none.
   */
  options?: Partial<JwtExchangeOptions>
}

/**
 * Options of `readConfig`.
 *
 * @example
 * const { options, replayStore } = readConfig('deployment.toml', { replayStores: ['redis', 'postgres'] })
 */
export interface ReadConfigOptions<StoreName extends string = string> extends ConfigFileOptions {
  /** The names that `store` in `[replay]` may have in addition to `memory`. Default: any name. */
  replayStores?: readonly StoreName[]
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
}

/** The result of `readConfig`. */
export interface ConfigFile<StoreName extends string = string> {
  /** For `createJwtExchange`, without the store that the file names. */
  options: JwtExchangeOptions
  /** The replay store that the file names, not opened yet; undefined: the memory of the process. */
  replayStore: NamedReplayStore<StoreName> | undefined
}

/** A file that is in order. */
export interface CheckedFile extends ConfigFile {
  settings: JwtExchangeSettings
  /** What is valid, but may not be intended. */
  notes: readonly string[]
  /** Registers other options of the file, so that later problems of them are reported with its lines, too. */
  locate(options: JwtExchangeOptions): JwtExchangeOptions
}

/**
 * Reads the options of `createJwtExchange` from a TOML file, with the tables and names of WSO2 Identity Server's
 * `deployment.toml`. `${VAR}` in a string is an environment variable, which must have a value; `${VAR:-text}` uses the text
 * if it has none. The value of a variable is literal: a `*` in it is not a pattern. File names are relative to the file.
 * Everything is checked here, so problems are reported with file, line and column. `createJwtExchange` and `reconfigure` also
 * report problems of the returned options with file, line and column.
 *
 * The result has hashes of the clients' secrets instead of the secrets. Neither the secrets nor the text of the file stay in
 * memory.
 *
 * @example
 * const exchange = createJwtExchange(loadConfig('deployment.toml'))
 *
 * @throws ConfigError with all problems together
 */
export function loadConfig(path: string, loadOptions: LoadConfigOptions = {}): JwtExchangeOptions {
  checkLoadOptions('loadConfig', loadOptions)
  const { replayStores = {} } = { ...NO_LOAD_OPTIONS, ...loadOptions }
  return loadSource(readSource(path), path, loadOptions, (named) => openNamed(named, replayStores))
}

/**
 * Like `loadConfig`, but opens no replay store: it returns which one the file names. For hosts that open it themselves, for
 * example because connecting is asynchronous.
 *
 * @example
 * const { options, replayStore } = readConfig('deployment.toml', { replayStores: ['redis'] })
 * const store = replayStore && new RedisReplayStore(createClient({ url: replayStore.url }))
 * const exchange = createJwtExchange(store === undefined ? options : { ...options, replay: { ...options.replay, store } })
 *
 * @throws ConfigError with all problems together
 */
export function readConfig<const StoreName extends string = string>(
  path: string,
  readOptions: ReadConfigOptions<StoreName> = {},
): ConfigFile<StoreName> {
  checkReadOptions(readOptions)
  const { replayStores } = { ...NO_LOAD_OPTIONS, ...readOptions }
  const { options, replayStore } = checkFile(readSource(path), path, readOptions, replayStores)
  return { options, replayStore: replayStore as NamedReplayStore<StoreName> | undefined }
}

/** @throws ConfigError for an unknown option */
export function checkLoadOptions(call: string, loadOptions: object, others: readonly string[] = []): void {
  const reader = new OptionReader(loadOptions, [call])
  for (const name of ['env', 'options', 'replayStores']) checkObject(reader, name)
  for (const name of others) reader.has(name)
  reader.refuseUnknown()
  reader.throwProblems()
}

function checkReadOptions(readOptions: object): void {
  const reader = new OptionReader(readOptions, ['readConfig'])
  for (const name of ['env', 'options']) checkObject(reader, name)
  reader.strings('replayStores', 'the name of a replay store')
  reader.refuseUnknown()
  reader.throwProblems()
}

/** Its members are checked elsewhere. */
function checkObject(reader: OptionReader, name: string): void {
  const value = reader.hostObject(name)
  if (value === undefined || (typeof value === 'object' && !Array.isArray(value))) return
  reader.problem(name, 'an object', undefined, 'wrong_type')
}

/**
 * The options of a text that was read from the path.
 *
 * @throws ConfigError with all problems together
 */
export function loadSource(
  source: string,
  path: string,
  loadOptions: LoadConfigOptions,
  open: (named: NamedReplayStore | undefined) => ReplayStore | undefined,
): JwtExchangeOptions {
  const { replayStores = {} } = { ...NO_LOAD_OPTIONS, ...loadOptions }
  const { options, replayStore, locate } = checkFile(source, path, loadOptions, Object.keys(replayStores))
  const store = open(replayStore)
  if (store === undefined) return options
  return locate({ ...options, replay: { ...options.replay, store } })
}

/**
 * @param stores the names of the replay stores that can be opened; undefined: any
 * @throws ConfigError with all problems together
 */
export function checkFile(
  source: string,
  path: string,
  fileOptions: ConfigFileOptions,
  stores?: readonly string[],
): CheckedFile {
  const { env = process.env, options: inCode = {} } = { ...NO_LOAD_OPTIONS, ...fileOptions }
  const [problems, notes]: [FileProblem[], string[]] = [[], []]
  const fromFile = readTomlOptions(parseToml(source, path), { directory: dirname(resolve(path)), env, problems, notes })
  const replay = readNamedReplayStore(ownMember(fromFile, 'replay'), { names: stores, problems })
  const merged = { ...fromFile, ...(replay.table !== undefined && { replay: replay.table }), ...inCode }
  const dropped = findDroppedOptions(fromFile, { ...inCode })
  const { settings, problems: ofOptions } = inspectOptions(merged)
  const isInCode = (option: string) => Object.hasOwn(inCode, option)
  const all = reportProblems([...dropped, ...ofOptions], { path, source, isInCode }, problems)
  if (all.length > 0) throw new ConfigError(all)
  const ofFile = ownMember(fromFile, 'clients')
  noteRawSecrets(ofFile, notes)
  const clients = ofFile !== undefined && !isInCode('clients') && { clients: withHashedSecrets(ofFile) }
  const locate = createLocate({ path, digest: digestOf(source), isInCode })
  const options = locate({ ...merged, ...clients } as unknown as JwtExchangeOptions)
  return { options, settings, notes, replayStore: isInCode('replay') ? undefined : replay.named, locate }
}

/** Keeps none of the text of the file, which may have secrets: it is read again if there are problems. */
function createLocate({ path, digest, isInCode }: { path: string; digest: string; isInCode: Origin['isInCode'] }) {
  return (options: JwtExchangeOptions): JwtExchangeOptions => {
    const loaded = { ...options }
    const isChanged = (option: string) => ownMember(options, option) !== ownMember(loaded, option)
    reportProblemsOf(options, (problems) =>
      reportProblems(problems, {
        path,
        source: readUnchanged(path, digest),
        isInCode: (option) => isInCode(option) || isChanged(option),
      }),
    )
    return options
  }
}

function parseToml(source: string, path: string): TomlTable {
  try {
    return detached(parse(source)) as TomlTable
  } catch (error) {
    const [line, column] = [Number(fieldOf(error, 'line')), Number(fieldOf(error, 'column'))]
    const location = `${path}:${line}:${column}`
    // The first line says what is wrong; the others quote the file, which may hold secrets.
    const [reason = ''] = String(fieldOf(error, 'message')).split('\n', 1)
    const hint = isBareText(source, line, column) ? '. Are quotation marks missing?' : ''
    const message = `${reason}; expected valid TOML 1.0${hint}`
    throw new ConfigError([{ code: 'unreadable', path: [], location, message }])
  }
}
