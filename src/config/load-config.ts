import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse, type TomlTable } from 'smol-toml'
import { fieldOf } from '../errors/field-of.js'
import { checkOptions, type JwtExchangeOptions } from '../exchange/options.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { ConfigError, type ConfigProblem, isConfigError } from '../option-checks/config-error.js'
import { OptionReader, UNKNOWN_OPTION } from '../option-checks/option-reader.js'
import type { ReplayStore } from '../replay/replay-store.js'
import { findDroppedOptions } from './dropped-options.js'
import { detached, noteRawSecrets, withHashedSecrets } from './forget-secrets.js'
import { type ReplayStores, takeNamedReplayStore } from './named-replay-store.js'
import { readTomlOptions } from './read-toml-options.js'
import { TomlLocations } from './toml-location.js'
import { tomlNameWithin, tomlPath } from './toml-names.js'

/** Laid under what is given, so that nothing is taken from `Object.prototype` instead. */
const NO_LOAD_OPTIONS = { env: undefined, options: undefined, replayStores: undefined }
/** Names of options in the sentences of problems. */
const CAMEL_CASE = /\b[a-z]+(?:[A-Z][a-z]+)+\b/g

/**
 * Options of `loadConfig`.
 *
 * @example
 * const clients = new Map<string, ClientOptions>()
 * loadConfig('deployment.toml', { options: { findClient: (clientId) => clients.get(clientId) } }) // no [[client]] in it
 */
export interface LoadConfigOptions {
  /** Where `${VAR}` is looked up. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
  /**
   * Laid over the options of the file, whole ones: `identityProviders` here takes the place of all that are in the file. For
   * what a file cannot say, such as `findClient` or a `subject` function. A table or a list entry here throws a ConfigError
   * if it leaves out something that the file says there, because that would be lost.
   */
  options?: Partial<JwtExchangeOptions>
  /**
   * What `store` in `[replay]` may name beside `memory`, each with what makes the store of the `url` there:
   * `{ redis: (url) => new RedisReplayStore(createClient({ url })) }`. Called once all of the file is in order.
   */
  replayStores?: ReplayStores
}

/**
 * Reads the options of `createJwtExchange` from a TOML file, with the tables and names of WSO2 Identity Server's
 * `deployment.toml`. `${VAR}` in a string is an environment variable, which must have a value; `${VAR:-text}` uses the text
 * if it has none. The value of a variable is literal: a `*` in it is not a pattern. File names are relative to the file.
 * Everything is checked here, so problems are reported with file, line and column.
 *
 * The result has hashes of the clients' secrets instead of the secrets. Neither the secrets nor the text of the file stay in
 * memory.
 *
 * @example
 * const exchange = createJwtExchange(loadConfig('deployment.toml'))
 *
 * @throws ConfigError with every problem at once
 */
export function loadConfig(path: string, loadOptions: LoadConfigOptions = {}): JwtExchangeOptions {
  return readConfig(readSource(path), path, loadOptions)
}

/**
 * The same of a text that was read from the path.
 *
 * @param notes collects what is in order, but may not be meant
 * @throws ConfigError with every problem at once
 */
export function readConfig(
  source: string,
  path: string,
  loadOptions: LoadConfigOptions,
  notes: string[] = [],
): JwtExchangeOptions {
  checkLoadOptions(loadOptions)
  const { env = process.env, options: inCode = {}, replayStores = {} } = { ...NO_LOAD_OPTIONS, ...loadOptions }
  const file = parseToml(source, path)
  const problems: ConfigProblem[] = []
  const fromFile = readTomlOptions(file, { directory: dirname(resolve(path)), env, problems, notes })
  const replay = takeNamedReplayStore(ownMember(fromFile, 'replay'), { replayStores, problems })
  const options = { ...fromFile, ...(replay.table !== undefined && { replay: replay.table }), ...inCode }
  const dropped = findDroppedOptions(fromFile, { ...inCode })
  const all = placed([...dropped, ...problemsOf(options)], { path, source, inCode }, problems)
  if (all.length > 0) throw new ConfigError(all)
  const ofFile = ownMember(fromFile, 'clients')
  noteRawSecrets(ofFile, notes)
  const clients = ownMember(inCode, 'clients') === undefined && { clients: withHashedSecrets(ofFile) }
  return withReplayStore(
    { ...options, ...(ofFile !== undefined && clients) } as unknown as JwtExchangeOptions,
    ownMember(inCode, 'replay') === undefined ? replay.open : undefined,
  )
}

/** @throws ConfigError for one that there is not */
export function checkLoadOptions(loadOptions: object, others: readonly string[] = []): void {
  const reader = new OptionReader(loadOptions)
  for (const name of ['env', 'options', 'replayStores']) {
    const value = reader.hostObject(name) // What is in it is checked where it counts.
    if (value !== undefined && (typeof value !== 'object' || Array.isArray(value))) reader.problem(name, 'an object')
  }
  for (const name of others) reader.has(name)
  reader.refuseUnknown()
  reader.throwProblems()
}

function withReplayStore(options: JwtExchangeOptions, open: (() => ReplayStore) | undefined): JwtExchangeOptions {
  return open === undefined ? options : { ...options, replay: { ...options.replay, store: open() } }
}

/** @throws ConfigError where it cannot be read */
export function readSource(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const found = String(fieldOf(error, 'code'))
    throw new ConfigError([{ path: [], location: path, found, wanted: 'a readable TOML file' }])
  }
}

function parseToml(source: string, path: string): TomlTable {
  try {
    return detached(parse(source)) as TomlTable
  } catch (error) {
    const location = `${path}:${fieldOf(error, 'line')}:${fieldOf(error, 'column')}`
    // The first line says what is wrong; the others quote the file, which may hold secrets.
    const [found = ''] = String(fieldOf(error, 'message')).split('\n', 1)
    throw new ConfigError([{ path: [], location, found, wanted: 'valid TOML 1.0' }])
  }
}

/** Where options came from. */
export interface Origin {
  path: string
  /** What was read there. */
  source: string
  /** What was laid over that. */
  inCode: object
}

/**
 * The problems of options, told by the names, lines and columns of the file; those of options in code by their names.
 *
 * @param ofFile what is wrong with the file itself, told by its names
 */
export function placed(
  problems: readonly ConfigProblem[],
  { path, source, inCode }: Origin,
  ofFile: readonly ConfigProblem[] = [],
): ConfigProblem[] {
  const isInCode = ({ path: [option = ''] }: ConfigProblem) => Object.hasOwn(inCode, option)
  const ofOptions = problems.filter((problem) => !isInCode(problem)).map(inWordsOfFile)
  const ofCode = problems.filter(isInCode).map((problem) => ({ ...problem, location: 'in code' }))
  return [...inOrderOfFile(oneOfEachPath([...ofFile, ...ofOptions]), path, source), ...ofCode]
}

/** The first one of each place. */
function oneOfEachPath(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const paths = new Set<string>()
  return problems.filter(({ path }) => {
    const isNew = !paths.has(path.join('.'))
    paths.add(path.join('.'))
    return isNew
  })
}

function problemsOf(options: unknown): readonly ConfigProblem[] {
  try {
    checkOptions(options)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems
  }
}

/** With names as in the file; in a list of options those of one letter case, too. */
function inWordsOfFile({ suggestion, ...problem }: ConfigProblem): ConfigProblem {
  const parent = problem.path
    .slice(0, -1)
    .filter((step) => typeof step === 'string')
    .join('.')
  const names = problem.found === UNKNOWN_OPTION ? /\w+/g : CAMEL_CASE
  return {
    ...problem,
    path: tomlPath(problem.path),
    wanted: problem.wanted.replace(names, (name) => tomlNameWithin(parent, name)),
    ...(suggestion !== undefined && { suggestion: tomlNameWithin(parent, suggestion) }),
  }
}

/** With line and column, in their order. */
function inOrderOfFile(problems: readonly ConfigProblem[], path: string, source: string): ConfigProblem[] {
  if (problems.length === 0) return []
  const locations = new TomlLocations(source)
  return problems
    .map((problem) => ({ problem, ...locations.find(problem.path) }))
    .sort((left, right) => left.line - right.line || left.column - right.column)
    .map(({ problem, line, column }) => ({ ...problem, location: `${path}:${line}:${column}` }))
}
