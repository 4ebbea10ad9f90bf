import { dirname, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { stringify, type TomlTable } from 'smol-toml'
import { ConfigError } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import { type FileProblem, parseToml, reportProblems } from './file-problem.js'
import { isKeyText, mayNameFiles } from './read-key-file.js'
import { readTomlOptions } from './read-toml-options.js'
import { hasFreeNames, tomlNameWithin } from './toml-names.js'

type Entry = Readonly<Record<string, unknown>>

/** Where the text of a table is, or will be. */
export interface TableOrigin {
  path: string
  /** Where `${VAR}` is looked up. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>> | undefined
}

const OPTION = 'identityProviders'
const HEADER = /^\s*\[/
const STATEMENT = /^\s*[\w"'-]+\s*=/

/**
 * The entry of `identityProviders` that a file of its own is: the lines of one `[[identity_provider]]` table, without this
 * header. They are read as in `deployment.toml`; whether the options are right is not checked.
 *
 * @throws ConfigError with all problems together
 */
export function readIdentityProviderTable(source: string, origin: TableOrigin): Entry {
  return readTable(parseToml(source, origin.path), source, origin)
}

function readTable(table: TomlTable, source: string, { path, env = process.env }: TableOrigin): Entry {
  const problems: FileProblem[] = []
  const deps = { directory: dirname(resolve(path)), env, problems, notes: [], ignoreUnknownTables: false }
  const { identityProviders } = readTomlOptions({ identity_provider: [table] }, deps)
  // Without `identity_provider[0]`, which the file does not have.
  const ofFile = problems.map((problem) => ({ ...problem, path: problem.path.slice(2) }))
  if (ofFile.length > 0) {
    throw new ConfigError(reportProblems([], { path, source, isInCode: () => false }, ofFile))
  }
  const [entry] = identityProviders as Entry[]
  return entry ?? {}
}

/**
 * The text of a file that is read as this entry. Of the text before, what has not changed stays: variables, names of files, and
 * if only single values have changed, also comments.
 *
 * @returns undefined if TOML cannot say it, such as `null`, or text that would be taken for a variable or the name of a file
 */
export function writeIdentityProviderTable(
  entry: Entry,
  before: string | undefined,
  origin: TableOrigin,
): string | undefined {
  for (const write of [withLinesChanged, withMembersChanged, withoutBefore]) {
    const source = attempt(() => write(entry, before, origin))
    if (source === undefined) continue
    const read = attempt(() => readIdentityProviderTable(source, origin))
    if (isDeepStrictEqual(read, entry)) return source
  }
  return undefined
}

/** Whoever reads the result says whether it is right, so lines need not be understood. */
function withLinesChanged(entry: Entry, before: string | undefined, origin: TableOrigin): string | undefined {
  if (before === undefined) return undefined
  const old = readIdentityProviderTable(before, origin)
  const changed = [...new Set([...Object.keys(entry), ...Object.keys(old)])].filter((option) => {
    return !isDeepStrictEqual(entry[option], old[option])
  })
  const lines = before.split('\n')
  for (const option of changed) {
    const value = toToml(entry[option], [option])
    if (!isSingle(value) || !isSingle(old[option])) return undefined
    const name = tomlNameWithin(OPTION, option)
    changeLine(lines, name, value === undefined ? [] : [stringify({ [name]: value }).trimEnd()])
  }
  return lines.join('\n')
}

function isSingle(value: unknown): boolean {
  return value === undefined || ['string', 'number', 'boolean'].includes(typeof value)
}

/** A new line goes above the first one that is not a comment: there it is in no table, and in no text of several lines. */
function changeLine(lines: string[], name: string, replacement: readonly string[]): void {
  const header = lines.findIndex((line) => HEADER.test(line))
  const end = header === -1 ? lines.length : header
  const own = lines.findIndex(
    (line) => line.trimStart().startsWith(name) && /^\s*=/.test(line.trimStart().slice(name.length)),
  )
  if (own !== -1 && own < end) lines.splice(own, 1, ...replacement)
  else
    lines.splice(
      Math.max(
        0,
        lines.findIndex((line) => STATEMENT.test(line)),
      ),
      0,
      ...replacement,
    )
}

function withMembersChanged(entry: Entry, before: string | undefined, origin: TableOrigin): string | undefined {
  if (before === undefined) return undefined
  const table = parseToml(before, origin.path)
  return textOf(merge(table, readTable(table, before, origin), entry, []))
}

function withoutBefore(entry: Entry): string | undefined {
  return textOf(toToml(entry, []))
}

function textOf(table: unknown): string | undefined {
  return isPlainObject(table) ? stringify(table) : undefined
}

/** What is written for `after`: as it was written, as far as it is the same. */
function merge(written: unknown, before: unknown, after: unknown, path: readonly string[]): unknown {
  if (isDeepStrictEqual(before, after)) return written
  if (!isPlainObject(written) || !isPlainObject(before) || !isPlainObject(after)) return toToml(after, path)
  return withNames(after, path, (member, name, inner, option) => {
    const isKept = Object.hasOwn(written, name) && Object.hasOwn(before, option)
    return isKept ? merge(written[name], before[option], member, inner) : toToml(member, inner)
  })
}

/**
 * The value with the names of the file.
 *
 * @param path the options that it is a member of, below `identityProviders`
 * @throws RangeError for a text that would be read as the name of a file
 */
function toToml(value: unknown, path: readonly string[]): unknown {
  const option = [OPTION, ...path].join('.')
  if (typeof value === 'string' && mayNameFiles(option) && !isKeyText(value)) throw new RangeError(option)
  if (Array.isArray(value)) return value.map((member) => toToml(member, path))
  if (!isPlainObject(value) || mayNameFiles(option)) return value
  return withNames(value, path, (member, _, inner) => toToml(member, inner))
}

function withNames(
  members: Entry,
  path: readonly string[],
  write: (member: unknown, name: string, path: readonly string[], option: string) => unknown,
): Record<string, unknown> {
  const parent = [OPTION, ...path].join('.')
  const entries = Object.entries(members).map(([option, member]): [string, unknown] => {
    const name = hasFreeNames(parent) ? option : tomlNameWithin(parent, option)
    return [name, write(member, name, [...path, option], option)]
  })
  return Object.fromEntries(entries)
}

function attempt<Result>(act: () => Result): Result | undefined {
  try {
    return act()
  } catch {
    return undefined
  }
}
