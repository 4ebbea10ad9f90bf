import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { TomlTable } from 'smol-toml'
import { fieldOf } from '../errors/field-of.js'
import { holdsPem, holdsPrivateKey } from '../jwt/pem.js'
import { closestName } from '../option-checks/closest-name.js'
import { type ConfigProblem, formatPath } from '../option-checks/config-error.js'
import { toLiteral } from '../option-checks/literal-text.js'
import { findKeyTextSlip } from '../signing-keys/key-text.js'
import type { TomlPath } from './toml-location.js'
import {
  hasFreeNames,
  isLostWithin,
  isOptionAmongClaims,
  optionName,
  TOP_LEVEL_NAMES,
  tomlNameWithin,
  topLevelOption,
} from './toml-names.js'

export interface ReadTomlDeps {
  /** What the file names are relative to. */
  directory: string
  env: Readonly<Record<string, string | undefined>>
  /** Collects problems, with paths as in the file. */
  problems: ConfigProblem[]
  /** Collects what is in order, but may not be meant. */
  notes: string[]
}

/** Options whose strings may name files. */
const FILE_READERS: Readonly<Record<string, (text: string) => unknown>> = {
  'accessToken.signingKeys': parseKeys,
  'identityProviders.ca': (text) => text,
  'identityProviders.certificates': (text) => text,
  'identityProviders.jwks': parseKeys,
}
/** Options that are `[[tables]]`. */
const LISTS_OF_TABLES = ['clients', 'identityProviders', 'identityProviders.bindings']
/** Anything else may be a secret in the wrong place, and is not repeated in a message. */
const FILE_NAME = /^[\w.,~ /\\:${}-]{1,100}$/
/** `${NAME}`, or `${NAME:-what counts if it is unset or empty}`. */
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}/g
/** What remains is a slip, unless it is the place of a claim in a template. */
const NO_VARIABLE = /\$\{(?!claims\.)/

/** The options that a parsed file means: names changed, `${VAR}` replaced, files read. Nothing is checked beyond that. */
export function readTomlOptions(file: TomlTable, deps: ReadTomlDeps): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const [path, value] of topLevelEntries(file)) {
    const option = topLevelOption(path.join('.'))
    if (option === undefined) refuseUnknown(path, path.join('.'), TOP_LEVEL_NAMES, deps)
    else options[option] = readValue(value, path, option, deps)
  }
  return options
}

/** The tables and keys at the top; those of `[oauth]` count as `oauth.…`. */
function topLevelEntries(file: TomlTable): [string[], unknown][] {
  return Object.entries(file).flatMap(([name, value]): [string[], unknown][] =>
    name === 'oauth' && isTable(value)
      ? Object.entries(value).map(([inner, nested]) => [[name, inner], nested])
      : [[[name], value]],
  )
}

function readValue(value: unknown, path: TomlPath, option: string, deps: ReadTomlDeps): unknown {
  if (typeof value === 'string') return readString(value, path, option, deps)
  if (Array.isArray(value)) return value.map((member, index) => readValue(member, [...path, index], option, deps))
  if (!isTable(value) || Object.hasOwn(FILE_READERS, option)) return value
  if (LISTS_OF_TABLES.includes(option) && typeof path.at(-1) === 'string') refuseOneTable(path, deps)
  const options: Record<string, unknown> = {}
  for (const [key, nested] of Object.entries(value)) {
    const name = hasFreeNames(option) ? key : optionName(key, option)
    if (isLostWithin(option, key)) refuseLost([...path, key], deps)
    if (isOptionAmongClaims(option, key)) noteOption([...path, key], deps)
    if (name === undefined) refuseUnknown([...path, key], key, [tomlNameWithin(option, beginningSmall(key))], deps)
    else setOwn(options, name, readValue(nested, [...path, key], `${option}.${name}`, deps))
  }
  return options
}

/** Also where it is named `__proto__`, which an assignment would not set: a rule must not be lost. */
function setOwn(options: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(options, name, { value, enumerable: true, writable: true, configurable: true })
}

function readString(text: string, path: TomlPath, option: string, deps: ReadTomlDeps): unknown {
  const read = Object.hasOwn(FILE_READERS, option) ? FILE_READERS[option] : undefined
  const expanded = expand(text, path, deps, read === undefined ? toLiteral : (value) => value)
  if (read === undefined) return expanded
  if (isContent(expanded)) return readContent(expanded, path, read, deps)
  return readNamedFile(expanded, text, path, read, deps)
}

/**
 * The text with the values of variables in it.
 *
 * @param insert what is inserted for a value: an option that may hold a pattern must not take one from a variable
 */
function expand(text: string, path: TomlPath, deps: ReadTomlDeps, insert: (value: string) => string): string {
  if (NO_VARIABLE.test(text.replace(VARIABLE, ''))) {
    const wanted = `\${NAME}, or \${NAME:-text} with a default`
    addProblem(path, '"${" that does not begin a variable', wanted, deps)
  }
  return text.replace(VARIABLE, (reference, name: string, otherwise: string | undefined) => {
    const value = Object.hasOwn(deps.env, name) ? deps.env[name] : undefined
    if (value !== undefined && value !== '') return insert(value)
    if (otherwise !== undefined) return otherwise
    const found = `the variable ${name}, which is ${value === undefined ? 'not set' : 'empty'}`
    addProblem(path, found, `an environment variable with a value, or \${${name}:-} if it may be empty`, deps)
    return reference
  })
}

/** A key or certificate itself, as from an environment variable, and not the name of a file. */
function isContent(text: string): boolean {
  return /^\s*[{[]/.test(text) || holdsPem(text)
}

function readContent(text: string, path: TomlPath, read: (text: string) => unknown, deps: ReadTomlDeps): unknown {
  try {
    return read(text)
  } catch {
    addProblem(path, 'text that is neither JSON nor PEM', 'a JWK set, PEM, or the name of a file', deps)
    return undefined
  }
}

/** @param written as it stands in the file: what a variable holds may be a secret */
function readNamedFile(
  name: string,
  written: string,
  path: TomlPath,
  read: (text: string) => unknown,
  deps: ReadTomlDeps,
): unknown {
  try {
    const text = readFileSync(resolve(deps.directory, name), 'utf8')
    if (isPrivate(text) && isReadableByAll(resolve(deps.directory, name))) {
      deps.notes.push(`${formatPath(path)}: every user of this machine can read the file with the private key`)
    }
    return read(text)
  } catch (error) {
    if (findKeyTextSlip(name) !== undefined) return name // The key itself: who reads it says what is wrong with it.
    const isMissing = fieldOf(error, 'code') === 'ENOENT'
    const shown = FILE_NAME.test(written) ? `"${written}", ` : ''
    const found = `${shown}a file that ${isMissing ? 'is not there' : 'cannot be read'}`
    addProblem(path, found, `PEM text, or the name of a readable file, relative to ${deps.directory}`, deps)
    return name
  }
}

function isPrivate(text: string): boolean {
  return holdsPrivateKey(text) || /"d"\s*:/.test(text)
}

/** Windows has no such bits. */
function isReadableByAll(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & 0o004) !== 0
}

/** In a table of conditions an option is one more condition: it may be meant, and never accepts more. */
function noteOption(path: TomlPath, { notes }: ReadTomlDeps): void {
  const place = formatPath(path)
  notes.push(`${place}: this is a condition on a claim of that name; if you mean the option, move it above the header`)
}

/** Text of a private or public key file: PEM, or JSON with a JWK, a list of them, or a JWK set. */
function parseKeys(text: string): unknown {
  return holdsPem(text) ? text : JSON.parse(text)
}

function refuseUnknown(path: TomlPath, name: string, candidates: readonly string[], deps: ReadTomlDeps): void {
  const suggestion = closestName(name, candidates)
  const problem = { path, found: 'an unknown key', wanted: 'a key in snake_case that means an option' }
  deps.problems.push(suggestion === undefined ? problem : { ...problem, suggestion })
}

function refuseOneTable(path: TomlPath, deps: ReadTomlDeps): void {
  const header = path.filter((step) => typeof step === 'string').join('.')
  addProblem(path, 'one table', `a list of tables: [[${header}]]`, deps)
}

/** TOML gives a line to the table above it. */
function refuseLost(path: TomlPath, deps: ReadTomlDeps): void {
  const table = String(path.at(-2))
  const wanted = `it above the header [identity_provider.${table}]`
  addProblem(path, `an option of the identity provider within ${table}`, wanted, deps)
}

/** `Grant` → `grant`, `ReadTimeout` → `readTimeout`, `ISSUER` → `issuer`. */
function beginningSmall(key: string): string {
  return key === key.toUpperCase() ? key.toLowerCase() : key.slice(0, 1).toLowerCase() + key.slice(1)
}

function addProblem(path: TomlPath, found: string, wanted: string, deps: ReadTomlDeps): void {
  deps.problems.push({ path, found, wanted })
}

function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
