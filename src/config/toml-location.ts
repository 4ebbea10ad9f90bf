import { parse } from 'smol-toml'

export type TomlPath = readonly (string | number)[]

/** Counted from 1. */
export interface TomlLocation {
  line: number
  column: number
}

/**
 * Where a path stands in valid TOML text; of a path that stands nowhere, where its nearest parent does. The parser tells
 * no positions, so this finds the shortest beginning of the text that has the path.
 */
export function locate(source: string, path: TomlPath): TomlLocation {
  if (path.length === 0) return { line: 1, column: 1 }
  const lines = source.split('\n')
  const ends = statementEnds(lines)
  const index = firstIndex(ends, (end) => hasPath(parse(lines.slice(0, end).join('\n')), path))
  if (index === undefined) return locate(source, path.slice(0, -1))
  const line = (ends[index - 1] ?? 0) + 1
  return { line, column: columnOf(lines[line - 1] ?? '', path) }
}

/** The numbers of the lines that end a statement: each statement is valid TOML alone. */
function statementEnds(lines: readonly string[]): number[] {
  const ends: number[] = []
  let statement = ''
  for (const [index, line] of lines.entries()) {
    statement += `${line}\n`
    if (!isValid(statement)) continue
    ends.push(index + 1)
    statement = ''
  }
  return ends
}

function isValid(toml: string): boolean {
  try {
    parse(toml)
    return true
  } catch {
    return false
  }
}

/** The first index from which on the test holds, by bisection; undefined where it never does. */
function firstIndex(ends: readonly number[], test: (end: number) => boolean): number | undefined {
  let [low, high] = [0, ends.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (test(ends[middle] ?? 0)) high = middle
    else low = middle + 1
  }
  return low < ends.length ? low : undefined
}

function hasPath(value: unknown, [step, ...rest]: TomlPath): boolean {
  if (step === undefined) return true
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return false
  return hasPath((value as Record<string | number, unknown>)[step], rest)
}

function columnOf(line: string, path: TomlPath): number {
  const key = String(path.findLast((step) => typeof step === 'string'))
  const escaped = key.replace(/[^A-Za-z0-9_]/g, '\\$&')
  const written = new RegExp(`(?<![A-Za-z0-9_-])${escaped}["']?\\s*=`).exec(line)
  return (written?.index ?? Math.max(0, line.search(/\S/))) + 1
}
