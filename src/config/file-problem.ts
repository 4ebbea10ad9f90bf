import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parse, type TomlTable } from 'smol-toml'
import { fieldOf } from '../errors/field-of.js'
import {
  ConfigError,
  type ConfigProblem,
  IN_CODE,
  type OptionNotation,
  type OptionPath,
  type OptionProblem,
  writeProblem,
} from '../option-checks/config-error.js'
import { withoutConsequences } from '../option-checks/findings.js'
import { detached } from './forget-secrets.js'
import { isBareText, TomlLocations } from './toml-location.js'
import { IN_FILE } from './toml-names.js'

/** A problem of a file itself: its path and message have the names of the file. */
export interface FileProblem extends ConfigProblem {
  /** The option that was probably meant by a name that is refused. */
  meant?: OptionPath
}

/** Where options came from. */
export interface Origin {
  /** The file. */
  path: string
  /** Its text; undefined if it has changed since. */
  source: string | undefined
  /** Whether an option of the top comes from code instead. */
  isInCode(option: string): boolean
}

/** What is wrong with a file that cannot be read, and what to do, for each code of the operating system. */
const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist; check the path',
  ENOTDIR: 'the file does not exist; check the path',
  EISDIR: 'this is a directory; give the path of a TOML file',
  EACCES: 'permission denied; make the file readable for this process',
}

/**
 * Reports problems of options with the names, lines and columns of the file. Problems of options in code have their names in
 * code.
 *
 * @param ofFile what is wrong with the file itself
 * @param inFile how the file writes options
 */
export function reportProblems(
  problems: readonly OptionProblem[],
  { path, source, isInCode }: Origin,
  ofFile: readonly FileProblem[] = [],
  inFile: OptionNotation = IN_FILE,
): ConfigProblem[] {
  const meant = ofFile.flatMap((problem) => (problem.meant === undefined ? [] : [problem.meant]))
  const own = withoutConsequences(problems, meant)
  const isOfCode = (problem: OptionProblem) => isInCode(String(problem.path[0]))
  const written = own.filter((problem) => !isOfCode(problem)).map((problem) => writeProblem(problem, inFile))
  const ofCode = own.filter(isOfCode).map((problem) => ({ ...writeProblem(problem, IN_CODE), location: 'in code' }))
  const ofText = ofFile.map(({ meant: _, ...problem }) => problem)
  const unread = ofText.filter(({ code }) => code === 'unreadable').map((problem) => problem.path.join('.'))
  const others = written.filter((problem) => !unread.some((each) => each.startsWith(`${problem.path.join('.')}.`)))
  return [...inOrderOfFile(firstOfEachPath([...ofText, ...others]), path, source), ...ofCode]
}

/** The text of a file if it still has the digest, for locations. */
export function readUnchanged(path: string, digest: string): string | undefined {
  try {
    const source = readSource(path)
    return digestOf(source) === digest ? source : undefined
  } catch {
    return undefined
  }
}

/** @throws ConfigError if it cannot be read */
export function readSource(path: string): string {
  return readBytes(path).toString()
}

/** @throws ConfigError if it cannot be read */
export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const code = String(fieldOf(error, 'code'))
    const fault = Object.hasOwn(READ_FAULTS, code) ? READ_FAULTS[code] : undefined
    const message = fault ?? `the file cannot be read (${code}); check the path`
    throw new ConfigError([{ code: 'unreadable', path: [], location: path, message }])
  }
}

/** @throws ConfigError if it is not valid TOML */
export function parseToml(source: string, path: string): TomlTable {
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

export function digestOf(source: string): string {
  return hash('sha256', source, 'base64url')
}

function firstOfEachPath(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const paths = new Set<string>()
  return problems.filter(({ path }) => {
    const isNew = !paths.has(path.join('.'))
    paths.add(path.join('.'))
    return isNew
  })
}

/** With line and column, in their order. */
function inOrderOfFile(problems: ConfigProblem[], path: string, source: string | undefined): ConfigProblem[] {
  if (problems.length === 0) return []
  if (source === undefined) return problems.map((problem) => ({ ...problem, location: path }))
  const locations = new TomlLocations(source)
  return problems
    .map((problem) => ({ problem, ...locations.find(problem.path) }))
    .sort((left, right) => left.line - right.line || left.column - right.column)
    .map(({ problem, line, column }) => ({ ...problem, location: `${path}:${line}:${column}` }))
}
