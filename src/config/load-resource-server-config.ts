import { dirname, resolve } from 'node:path'
import type { TomlTable } from 'smol-toml'
import { ConfigError, type OptionNotation, type OptionPath } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { inspectResourceServerOptions, type ResourceServerOptions } from '../resource-server/resource-server-options.js'
import { type FileProblem, parseToml, readSource, reportProblems } from './file-problem.js'
import { type ReadTomlDeps, readValue } from './read-toml-options.js'
import type { TomlPath } from './toml-location.js'
import { IN_FILE, tomlPath } from './toml-names.js'

/**
 * Options of `loadResourceServerConfig`.
 *
 * @example
 * const options = loadResourceServerConfig('api.toml', { env: { ...process.env, AUDIENCE: 'https://api.example.com' } })
 */
export interface LoadResourceServerConfigOptions {
  /** Where `${VAR}` is looked up. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
  /** `true`: other tables than `[resource_server]` are ignored. Default: false. */
  ignoreUnknownTables?: boolean
}

/** The table, and the list of tables within it. */
const TABLE = 'resource_server'
const LIST = 'issuers'

/**
 * Reads the options of `createResourceServer` from the table `[resource_server]` of a TOML file: those of one issuer, or
 * `[[resource_server.issuers]]`. Names are in snake_case, and `${VAR}` and names of files are as for `loadConfig`. Everything is
 * checked here, so problems are reported with file, line and column.
 *
 * @example
 * const resourceServer = createResourceServer(loadResourceServerConfig('api.toml'))
 *
 * @throws ConfigError with all problems together
 */
export function loadResourceServerConfig(
  path: string,
  loadOptions: LoadResourceServerConfigOptions = {},
): ResourceServerOptions {
  const { env, ignoreUnknownTables } = readLoadOptions(loadOptions)
  const source = readSource(path)
  const problems: FileProblem[] = []
  const deps = { directory: dirname(resolve(path)), env, problems, notes: [], ignoreUnknownTables }
  const options = readTable(parseToml(source, path), deps)
  const { problems: ofOptions } = inspectResourceServerOptions(options)
  const all = reportProblems(ofOptions, { path, source, isInCode: () => false }, problems, IN_TABLE)
  if (all.length > 0) throw new ConfigError(all)
  return options as unknown as ResourceServerOptions
}

function readLoadOptions(loadOptions: LoadResourceServerConfigOptions) {
  const reader = new OptionReader(loadOptions, ['loadResourceServerConfig'])
  const env = reader.hostObject('env') ?? process.env
  if (typeof env !== 'object' || Array.isArray(env)) reader.problem('env', 'an object', undefined, 'wrong_type')
  const ignoreUnknownTables = reader.boolean('ignoreUnknownTables', false)
  reader.refuseUnknown()
  reader.throwProblems()
  return { env: env as ReadTomlDeps['env'], ignoreUnknownTables }
}

function readTable(file: TomlTable, deps: ReadTomlDeps): object {
  const others = Object.keys(file).filter((name) => name !== TABLE)
  for (const name of deps.ignoreUnknownTables ? [] : others) {
    const message = `only [${TABLE}] is read; remove it, or set ignoreUnknownTables`
    deps.problems.push({ code: 'unknown_option', path: [name], message })
  }
  const table = Object.hasOwn(file, TABLE) ? file[TABLE] : undefined
  if (!isPlainObject(table)) {
    deps.problems.push({ code: 'missing', path: [TABLE], message: `missing; expected the table [${TABLE}]` })
    return {}
  }
  const { [LIST]: issuers, ...own } = table
  const options = readValue(own, { path: [TABLE], option: ['identityProviders', 0] }, deps)
  if (issuers === undefined) return Object(options)
  return {
    ...Object(options),
    issuers: readValue(issuers, { path: [TABLE, LIST], option: ['identityProviders'] }, deps),
  }
}

/** An issuer has the options of an identity provider, under the same names. */
function asOfProvider([first, ...rest]: OptionPath): OptionPath {
  if (first === undefined) return ['identityProviders', 0]
  return first === LIST ? ['identityProviders', ...rest] : ['identityProviders', 0, first, ...rest]
}

function pathInTable(path: OptionPath): TomlPath {
  const [, index = 0, ...rest] = tomlPath(asOfProvider(path))
  if (path[0] !== LIST) return [TABLE, ...rest]
  return path.length === 1 ? [TABLE, LIST] : [TABLE, LIST, index, ...rest]
}

const IN_TABLE: OptionNotation = {
  path: pathInTable,
  name: (table, name) => IN_FILE.name(asOfProvider(table), name),
  option: (table, name, value, isFar) => {
    if (table.length === 0 && name === LIST) return `\`[[${TABLE}.${LIST}]]\``
    return IN_FILE.option(asOfProvider(table), name, value, isFar)
  },
  table: (table) => `in \`${table[0] === LIST ? `[[${TABLE}.${LIST}]]` : `[${TABLE}]`}\``,
}
