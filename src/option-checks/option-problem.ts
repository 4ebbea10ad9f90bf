import { type ConfigProblem, type ConfigProblemCode, formatPath, type OptionPath } from './config-error.js'

/**
 * A problem as it is found. Names of options in its text are marked, so that whoever reports it writes them as its reader
 * writes them: `readTimeout` in code, `read_timeout` in a file.
 */
export interface OptionProblem {
  code: ConfigProblemCode
  path: OptionPath
  /** The table that the marked names are in, unless they say another one. */
  table: OptionPath
  /** What is wrong and what to do. */
  text: string
  /** The option of `table` that was probably meant. */
  suggestion?: string
  /** If an option is missing: the options of `table`, each of which would do. */
  missing?: readonly string[]
  /** If a value is undefined: how many steps of the path lead to the option that the place is in. */
  stepsToOption?: number
}

/** How options are written: in code, or in a file. */
export interface OptionNotation {
  path(path: OptionPath): OptionPath
  /** One name within a table, without quotes. */
  name(table: OptionPath, name: string): string
  /**
   * A name within a table as it is in a sentence.
   *
   * @param value what it is to be set to; undefined: the name alone
   * @param isFar whether the sentence is about another table, so that the name of this one is needed
   */
  option(table: OptionPath, name: string, value: unknown, isFar: boolean): string
  /** A table as it is in a sentence. */
  table(table: OptionPath): string
}

/** Enclose a marked name. Noncharacters of Unicode: no text that is interchanged has them. */
const [BEGIN, END] = ['\uFDD3', '\uFDD4']
const MARKED = new RegExp(`${BEGIN}(#?)([\\w.]*)(?:=([^${END}]*))?${END}`, 'g')

export const IN_CODE: OptionNotation = {
  path: (path) => path,
  name: (_, name) => name,
  option: (table, name, value, isFar) => {
    const written = isFar ? formatPath([...table, name]) : name
    return `\`${written}${value === undefined ? '' : `: ${writeInCode(value)}`}\``
  },
  table: (table) => (table.length === 0 ? 'at the top level' : `in \`${table.join('.')}\``),
}

/**
 * An option in the text of a problem, to be written as code or the file writes it.
 *
 * @param name one of the same table, or a path from the top with dots, such as `jwksEndpoint.maxKeys` or `.issuer`
 * @param value what to set it to
 */
export function option(name: string, value?: string | boolean): string {
  return `${BEGIN}${name}${value === undefined ? '' : `=${JSON.stringify(value)}`}${END}`
}

/** Where a table is, in the text of a problem: `in jwksEndpoint`, or `at the top level`. */
export function inTable(path: OptionPath): string {
  return `${BEGIN}#${path.join('.')}${END}`
}

export function writeProblem(problem: OptionProblem, notation: OptionNotation): ConfigProblem {
  const { code, path, table, suggestion } = problem
  return {
    code,
    path: notation.path(path),
    message: problem.text.replace(MARKED, (_, isTable: string, name: string, value: string | undefined) => {
      if (isTable !== '') return notation.table(name === '' ? [] : name.split('.'))
      const given: unknown = value === undefined ? undefined : JSON.parse(value)
      if (!name.includes('.')) return notation.option(table, name, given, false)
      const steps = name.replace(/^\./, '').split('.')
      return notation.option(steps.slice(0, -1), steps.at(-1) ?? '', given, true)
    }),
    ...(suggestion !== undefined && { suggestion: notation.name(table, suggestion) }),
  }
}

function writeInCode(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value)
}
