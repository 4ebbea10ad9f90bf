import { dirname, resolve } from 'node:path'
import { inspectOptions, type JwtExchangeOptions, type JwtExchangeSettings } from '../exchange/options.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { ConfigError } from '../option-checks/config-error.js'
import { reportProblemsOf } from '../option-checks/findings.js'
import type { ReplayStore } from '../replay/replay-store.js'
import type { RevocationStore } from '../revocation/revocation-store.js'
import { findDroppedOptions } from './dropped-options.js'
import {
  digestOf,
  type FileProblem,
  type Origin,
  parseToml,
  readSource,
  readUnchanged,
  reportProblems,
} from './file-problem.js'
import { noteRawSecrets, withHashedSecrets } from './forget-secrets.js'
import {
  type ConfigFileOptions,
  checkLoadOptions,
  checkReadOptions,
  type LoadConfigOptions,
  NO_LOAD_OPTIONS,
  type ReadConfigOptions,
} from './load-options.js'
import { type NamedStore, openNamed, readNamedStore } from './named-stores.js'
import { readTomlOptions } from './read-toml-options.js'

/** The result of `readConfig`. */
export interface ConfigFile<StoreName extends string = string, RevocationStoreName extends string = string> {
  /** For `createJwtExchange`, without the stores that the file names. */
  options: JwtExchangeOptions
  /** The replay store that the file names, not opened yet; undefined: the memory of the process. */
  replayStore: NamedStore<StoreName> | undefined
  /** The revocation store that the file names, not opened yet; undefined: the memory of the exchange, or none is needed. */
  revocationStore: NamedStore<RevocationStoreName> | undefined
}

/** How the stores are opened that a file names. */
export interface OpenStores {
  replay(named: NamedStore | undefined): ReplayStore | undefined
  revocation(named: NamedStore | undefined): RevocationStore | undefined
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
  const { replayStores = {}, revocationStores = {} } = { ...NO_LOAD_OPTIONS, ...loadOptions }
  return loadSource(readSource(path), path, loadOptions, {
    replay: (named) => openNamed(named, replayStores),
    revocation: (named) => openNamed(named, revocationStores),
  })
}

/**
 * Like `loadConfig`, but opens no store: it returns which ones the file names. For hosts that open it themselves, for
 * example because connecting is asynchronous.
 *
 * @example
 * const { options, replayStore } = readConfig('deployment.toml', { replayStores: ['redis'] })
 * const store = replayStore && new RedisReplayStore(createClient({ url: replayStore.url }))
 * const exchange = createJwtExchange(store === undefined ? options : { ...options, replay: { ...options.replay, store } })
 *
 * @throws ConfigError with all problems together
 */
export function readConfig<const StoreName extends string = string, const RevocationStoreName extends string = string>(
  path: string,
  readOptions: ReadConfigOptions<StoreName, RevocationStoreName> = {},
): ConfigFile<StoreName, RevocationStoreName> {
  checkReadOptions(readOptions)
  const { replayStores, revocationStores } = { ...NO_LOAD_OPTIONS, ...readOptions }
  const names = { replay: replayStores, revocation: revocationStores }
  const { options, replayStore, revocationStore } = checkFile(readSource(path), path, readOptions, names)
  return {
    options,
    replayStore: replayStore as NamedStore<StoreName> | undefined,
    revocationStore: revocationStore as NamedStore<RevocationStoreName> | undefined,
  }
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
  open: OpenStores,
): JwtExchangeOptions {
  const { replayStores = {}, revocationStores = {} } = { ...NO_LOAD_OPTIONS, ...loadOptions }
  const names = { replay: Object.keys(replayStores), revocation: Object.keys(revocationStores) }
  const { options, replayStore, revocationStore, locate } = checkFile(source, path, loadOptions, names)
  const [replay, revocation] = [open.replay(replayStore), open.revocation(revocationStore)]
  if (replay === undefined && revocation === undefined) return options
  return locate({
    ...options,
    ...(replay !== undefined && { replay: { ...options.replay, store: replay } }),
    ...(revocation !== undefined && { revocation: { ...options.revocation, store: revocation } }),
  })
}

/** The names of the stores that can be opened; undefined: any. */
interface StoreNames {
  replay: readonly string[] | undefined
  revocation: readonly string[] | undefined
}

const ANY_STORES: StoreNames = { replay: undefined, revocation: undefined }

/**
 * @param stores the names of the stores that can be opened; undefined: any
 * @throws ConfigError with all problems together
 */
export function checkFile(
  source: string,
  path: string,
  fileOptions: ConfigFileOptions,
  stores: StoreNames = ANY_STORES,
): CheckedFile {
  const {
    env = process.env,
    options: inCode = {},
    ignoreUnknownTables = false,
  } = { ...NO_LOAD_OPTIONS, ...fileOptions }
  const [problems, notes]: [FileProblem[], string[]] = [[], []]
  const deps = { directory: dirname(resolve(path)), env, problems, notes, ignoreUnknownTables }
  const fromFile = readTomlOptions(parseToml(source, path), deps)
  // No function of this scope may hold what was read: one of them lives on with the options, and keeps all that any of them holds.
  const replay = readNamedStore(ownMember(fromFile, 'replay'), { option: 'replay', names: stores.replay, problems })
  const ofRevocations = { option: 'revocation', names: stores.revocation, problems } as const
  const revocation = readNamedStore(ownMember(fromFile, 'revocation'), ofRevocations)
  const merged = {
    ...fromFile,
    ...(replay.table !== undefined && { replay: replay.table }),
    ...(revocation.table !== undefined && { revocation: revocation.table }),
    ...inCode,
  }
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
  const replayStore = isInCode('replay') ? undefined : replay.named
  const revocationStore = isInCode('revocation') || !settings.revocation.isOn ? undefined : revocation.named
  return { options, settings, notes, replayStore, revocationStore, locate }
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
