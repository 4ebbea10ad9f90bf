import { parse, type TomlTable } from 'smol-toml'
import { isPlainObject } from '../option-checks/describe-value.js'

export type TomlPath = readonly (string | number)[]

/** Counted from 1. */
export interface TomlLocation {
  line: number
  column: number
}

/** What may span lines, or hold what looks like it, and the ends of lines. */
const TOKEN = /"""(?:\\.|[^\\])*?"{3,5}|'''.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[[\]{}\n]/gs

/**
 * Where the keys of valid TOML text are. The parser gives no positions, so each statement is parsed separately, and only
 * once for all places.
 */
export class TomlLocations {
  readonly #lines: readonly string[]
  /** The first line with a path, by the path as JSON. */
  readonly #lineOf = new Map<string, number>()
  /** Of the arrays of tables: how many tables they have so far, by the path as JSON. */
  readonly #lengths = new Map<string, number>()
  /** The table that statements are in. */
  #table: TomlPath = []

  constructor(source: string) {
    this.#lines = source.split('\n')
    for (const { text, line } of statementsOf(source)) this.#read(text, line)
  }

  /** Of a path that stands nowhere, where its nearest parent does. */
  find(path: TomlPath): TomlLocation {
    if (path.length === 0) return { line: 1, column: 1 }
    const line = this.#lineOf.get(JSON.stringify(path))
    if (line === undefined) return this.find(path.slice(0, -1))
    return { line, column: columnOf(this.#lines[line - 1] ?? '', path) }
  }

  #read(statement: string, line: number): void {
    const parsed = parse(statement)
    if (statement.trimStart().startsWith('[')) this.#enter(parsed, line)
    else this.#noteAll(parsed, this.#table, line)
  }

  /** The header of a table. */
  #enter(header: TomlTable, line: number): void {
    let path: TomlPath = []
    for (let table: unknown = header; ; ) {
      const [[key, inner] = []] = Object.entries(table as object)
      if (key === undefined) break
      path = [...path, key]
      const isNewMember = Array.isArray(inner)
      if (isNewMember) this.#lengths.set(JSON.stringify(path), (this.#lengths.get(JSON.stringify(path)) ?? 0) + 1)
      this.#note(path, line)
      const length = this.#lengths.get(JSON.stringify(path))
      if (length !== undefined) path = [...path, length - 1]
      this.#note(path, line)
      table = isNewMember ? inner[0] : inner
    }
    this.#table = path
  }

  #noteAll(value: unknown, path: TomlPath, line: number): void {
    this.#note(path, line)
    if (Array.isArray(value))
      for (const [index, member] of value.entries()) this.#noteAll(member, [...path, index], line)
    else if (isPlainObject(value))
      for (const [key, member] of Object.entries(value)) this.#noteAll(member, [...path, key], line)
  }

  #note(path: TomlPath, line: number): void {
    const key = JSON.stringify(path)
    if (!this.#lineOf.has(key)) this.#lineOf.set(key, line)
  }
}

interface Statement {
  text: string
  /** Its first one. */
  line: number
}

/** Each is valid TOML alone: a header, a key with its value, however many lines that has, or nothing. */
function statementsOf(source: string): Statement[] {
  const statements: Statement[] = []
  let [line, depth, begin, beginLine] = [1, 0, 0, 1]
  const end = (at: number) => {
    statements.push({ text: source.slice(begin, at), line: beginLine })
    begin = at
    beginLine = line
  }
  for (const { 0: token, index } of source.matchAll(TOKEN)) {
    if (token === '[' || token === '{') depth += 1
    else if (token === ']' || token === '}') depth -= 1
    else line += token.split('\n').length - 1
    if (token === '\n' && depth === 0) end(index + 1)
  }
  end(source.length)
  return statements
}

function columnOf(line: string, path: TomlPath): number {
  const key = String(path.findLast((step) => typeof step === 'string'))
  const escaped = key.replace(/[^A-Za-z0-9_]/g, '\\$&')
  const written = new RegExp(`(?<![A-Za-z0-9_-])${escaped}["']?\\s*=`).exec(line)
  return (written?.index ?? Math.max(0, line.search(/\S/))) + 1
}

/** Whether a text without quotation marks stands there as a value. */
export function isBareText(source: string, line: number, column: number): boolean {
  const text = source.split('\n')[line - 1] ?? ''
  return /=\s*(?:\[\s*)*$/.test(text.slice(0, column - 1)) && /^[\p{L}$/.~]/u.test(text.slice(column - 1))
}
