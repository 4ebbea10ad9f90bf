import { resolve } from 'node:path'
import type { TomlTable } from 'smol-toml'
import { type ConfigProblemCode, formatPath, type OptionPath } from '../option-checks/config-error.js'
import { isPlainObject, toLiteral } from '../option-checks/describe-value.js'
import { closestName, tableName } from '../option-checks/unknown-option.js'
import { ignoreTable, isForeignResource, isForeignTable } from './foreign-tables.js'
import { mayNameFiles, type ReadKeyDeps, readKeyText } from './read-key-file.js'
import type { TomlPath } from './toml-location.js'
import {
  hasFreeNames,
  IN_FILE,
  isListOfTables,
  isLostWithin,
  isOfCode,
  isOptionAmongClaims,
  isTopLevelOption,
  mayHoldPattern,
  optionName,
  TOP_LEVEL_NAMES,
  tomlNameWithin,
  topLevelOption,
} from './toml-names.js'

export interface ReadTomlDeps extends ReadKeyDeps {
  env: Readonly<Record<string, string | undefined>>
  ignoreUnknownTables: boolean
}

/** Options that are secret, so that the file must not have a default for them. */
const SECRETS = [
  ...['clients.clientSecret', 'clients.clientSecretHash', 'accessToken.signingKeys', 'replay.url', 'revocation.url'],
  ...[
    'identityProviders.proxy',
    'identityProviders.introspection.clientSecret',
    'identityProviders.introspection.proxy',
  ],
]
/** Options that name a file which is read later, again and again. */
const NAMES_OF_FILES = ['identityProviders.bearerTokenFile']
/** `${NAME}`, or `${NAME:-what counts if it is unset or empty}`. */
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}/g
/** `$NAME`, which a shell would replace. */
const BARE_VARIABLE = /^\$([A-Z_][A-Z0-9_]*)$/
/** What remains is a slip, unless it is the place of a claim in a template. */
const NO_VARIABLE = /\$\{(?!claims\.)/

/** A value in the file. */
interface Place {
  /** Where it is, by the names of the file. */
  path: TomlPath
  /** The same by the names of the options. */
  option: OptionPath
}

/** The options that a parsed file means: names changed, `${VAR}` replaced, files read. Nothing is checked beyond that. */
export function readTomlOptions(file: TomlTable, deps: ReadTomlDeps): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const [path, value] of topLevelEntries(file)) {
    const known = isForeignResource(path, value) ? undefined : topLevelOption(path.join('.'))
    if (known === undefined && deps.ignoreUnknownTables && isForeignTable(path, value)) {
      ignoreTable({ path, value, file }, deps)
      continue
    }
    const option = known ?? unknownOption(path)
    if (option === undefined) refuseTopLevel(path, deps)
    else options[option] = readValue(value, { path, option: [option] }, deps)
  }
  return options
}

/** The tables and keys at the top; those of `[oauth]` count as `oauth.…`. */
function topLevelEntries(file: TomlTable): [string[], unknown][] {
  return Object.entries(file).flatMap(([name, value]): [string[], unknown][] =>
    name === 'oauth' && isPlainObject(value)
      ? Object.entries(value).map(([inner, nested]) => [[name, inner], nested])
      : [[[name], value]],
  )
}

/** A key that may be an option of another table: whoever reads all options says so. */
function unknownOption([name = '', ...others]: readonly string[]): string | undefined {
  const option = others.length === 0 ? optionName(name, '') : undefined
  const isOther = option !== undefined && !isTopLevelOption(option) && !isOfCode(option)
  return isOther && tomlNameWithin('', option) === name ? option : undefined
}

/** A value and all that is within it, by the names of the options. */
export function readValue(value: unknown, place: Place, deps: ReadTomlDeps): unknown {
  const { path } = place
  const option = tableName(place.option)
  if (typeof value === 'string') return readString(value, place, deps)
  if (Array.isArray(value)) {
    return value.map((member, index) => {
      return readValue(member, { path: [...path, index], option: [...place.option, index] }, deps)
    })
  }
  if (!isPlainObject(value) || mayNameFiles(option)) return value
  if (isListOfTables(option) && typeof place.option.at(-1) === 'string') refuseOneTable(path, deps)
  const options: Record<string, unknown> = {}
  for (const [key, nested] of Object.entries(value)) {
    const name = hasFreeNames(option) ? key : optionName(key, option)
    if (isLostWithin(option, key)) refuseLost([...path, key], deps)
    if (isOptionAmongClaims(option, key)) noteOption([...path, key], deps)
    const inner = { path: [...path, key], option: [...place.option, name ?? meantBy(key, option)] }
    if (name === undefined) refuseKey(inner.path, inner.option, deps)
    else setOwn(options, name, readValue(nested, inner, deps))
  }
  return options
}

/** Also where it is named `__proto__`, which an assignment would not set: a rule must not be lost. */
function setOwn(options: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(options, name, { value, enumerable: true, writable: true, configurable: true })
}

function readString(text: string, place: Place, deps: ReadTomlDeps): unknown {
  const option = tableName(place.option)
  const bare = SECRETS.includes(option) ? BARE_VARIABLE.exec(text)?.[1] : undefined
  if (bare !== undefined)
    addProblem('invalid', place.path, `got the name of a variable without braces; write \${${bare}}`, deps)
  if (NAMES_OF_FILES.includes(option)) {
    const name = expand(text, place, deps, (value) => value)
    return name === '' ? name : resolve(deps.directory, name)
  }
  if (!mayNameFiles(option)) return expand(text, place, deps, toLiteral)
  const expanded = expand(text, place, deps, (value) => value)
  return readKeyText(expanded, { written: text, path: place.path, option }, deps)
}

/**
 * The text with the values of variables in it.
 *
 * @param insert what is inserted for a value: an option that may hold a pattern must not take one from a variable
 */
function expand(text: string, { path, option }: Place, deps: ReadTomlDeps, insert: (value: string) => string): string {
  const mayHaveDefault = !SECRETS.includes(tableName(option))
  if (NO_VARIABLE.test(text.replace(VARIABLE, ''))) {
    const withDefault = mayHaveDefault ? `, or \${NAME:-text} with a default` : ''
    addProblem('invalid', path, `"\${" does not begin a variable; write \${NAME}${withDefault}`, deps)
  }
  return text.replace(VARIABLE, (reference, name: string, fallback: string | undefined) => {
    const value = Object.hasOwn(deps.env, name) ? deps.env[name] : undefined
    if (value !== undefined && value !== '') {
      if (value.includes('*') && mayHoldPattern(option)) noteLiteralStar(name, path, deps)
      return insert(value)
    }
    if (fallback !== undefined) return fallback
    const state = `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}`
    addProblem(
      'missing',
      path,
      `${state}; set it${mayHaveDefault ? `, or write \${${name}:-text} with a default` : ''}`,
      deps,
    )
    return reference
  })
}

/** The value of a variable is never a pattern. */
function noteLiteralStar(name: string, path: TomlPath, { notes }: ReadTomlDeps): void {
  const note = `${formatPath(path)}: the * comes from \${${name}} and is literal; write the pattern in the file`
  if (!notes.includes(note)) notes.push(note)
}

/** In a table of conditions an option is one more condition: it may be meant, and never accepts more. */
function noteOption(path: TomlPath, { notes }: ReadTomlDeps): void {
  const place = formatPath(path)
  notes.push(`${place}: this is a condition on a claim of that name; if you mean the option, move it above the header`)
}

function refuseTopLevel(path: readonly string[], deps: ReadTomlDeps): void {
  const name = path.join('.')
  const option = optionName(name, '') ?? beginningSmall(name)
  if (isOfCode(option)) {
    const text = `a file cannot set this; pass \`${option}\` in code: loadConfig(path, { options })`
    addProblem('unknown_option', path, text, deps)
    return
  }
  const suggestion = topLevelOption(closestName(name, TOP_LEVEL_NAMES) ?? '')
  refuseKey(path, suggestion === undefined ? undefined : [suggestion], deps)
}

/** @param meant the option that was probably meant */
function refuseKey(path: TomlPath, meant: OptionPath | undefined, deps: ReadTomlDeps): void {
  const problem = { code: 'unknown_option' as const, path }
  if (meant === undefined) {
    deps.problems.push({ ...problem, message: 'unknown option; docs/options.md lists the tables and keys' })
    return
  }
  const [table, name] = [meant.slice(0, -1), String(meant.at(-1))]
  const message = `unknown option; did you mean ${IN_FILE.option(table, name, undefined, false)}?`
  deps.problems.push({ ...problem, message, suggestion: IN_FILE.name(table, name), meant })
}

/** The option that a key was probably meant to be: `JwksUri` → `jwksUri`. */
function meantBy(key: string, parent: string): string {
  const small = beginningSmall(key.replace(/[^a-z0-9]+/gi, '_').replace(/^_|_$/g, ''))
  return optionName(tomlNameWithin(parent, small), parent) ?? small
}

function refuseOneTable(path: TomlPath, deps: ReadTomlDeps): void {
  addProblem('wrong_type', path, `got one table; expected a list of tables: [[${tableName(path)}]]`, deps)
}

/** TOML gives a line to the table above it. */
function refuseLost(path: TomlPath, deps: ReadTomlDeps): void {
  const header = `[identity_provider.${path.at(-2)}]`
  addProblem('invalid', path, `an option of the identity provider is within ${header}; move it above that header`, deps)
}

/** `Grant` → `grant`, `ReadTimeout` → `readTimeout`, `ISSUER` → `issuer`. */
function beginningSmall(key: string): string {
  return key === key.toUpperCase() ? key.toLowerCase() : key.slice(0, 1).toLowerCase() + key.slice(1)
}

function addProblem(code: ConfigProblemCode, path: TomlPath, message: string, { problems }: ReadTomlDeps): void {
  problems.push({ code, path, message })
}
