import { DESCRIBING_MEMBERS, type Entry, isRecord, textOf } from './entry.js'

/** Options whose members somebody else names, so that these names stay as they are. */
const FREE_NAMES = ['headers', 'requiredClaims', 'groupsToScopes', 'claimsToToken']
/** Options that are tables of their own, below all others. */
const TABLES = ['requiredClaims', 'groupsToScopes', 'claimsToToken', 'headers']
const HEADER = 'identity_provider'
const NOT_WRITTEN = [...DESCRIBING_MEMBERS, 'bindings', ...TABLES]

/** An entry as `[[identity_provider]]` of a configuration file. */
export function toToml(entry: Entry): string {
  const options = Object.entries(entry).filter(([name]) => !NOT_WRITTEN.includes(name))
  const tables = TABLES.filter((name) => isRecord(entry[name])).map((name) => tableOf(name, entry[name]))
  const bindings = Array.isArray(entry.bindings) ? entry.bindings.map(bindingOf) : []
  const head = [...DESCRIBING_MEMBERS.flatMap((name) => commentOf(entry[name])), `[[${HEADER}]]`]
  return [[...head, ...options.map(lineOf)].join('\n'), ...tables, ...bindings].join('\n\n')
}

function tableOf(name: string, value: unknown): string {
  const lines = Object.entries(isRecord(value) ? value : {}).map(([key, member]) => {
    return `${keyOf(key)} = ${writeValue(name === 'requiredClaims' ? withSnakeCase(member) : member)}`
  })
  return [`[${HEADER}.${snakeCase(name)}]`, ...lines].join('\n')
}

function bindingOf(binding: unknown): string {
  const lines = Object.entries(isRecord(binding) ? binding : {}).map(([name, value]) => {
    return `${keyOf(snakeCase(name))} = ${writeValue(name === 'when' ? withConditions(value) : value)}`
  })
  return [`[[${HEADER}.binding]]`, ...lines].join('\n')
}

/** The claims stay as they are, and their operators get the names that a file has. */
function withConditions(conditions: unknown): unknown {
  if (!isRecord(conditions)) return conditions
  return Object.fromEntries(Object.entries(conditions).map(([claim, condition]) => [claim, withSnakeCase(condition)]))
}

function withSnakeCase(value: unknown): unknown {
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, member]) => [snakeCase(key), member]))
    : value
}

function lineOf([name, value]: [string, unknown]): string {
  return `${keyOf(snakeCase(name))} = ${writeValue(FREE_NAMES.includes(name) ? value : withSnakeCase(value))}`
}

function commentOf(value: unknown): string[] {
  const text = textOf(value)
  // A control character would end the comment, or make the file unreadable.
  return text === ''
    ? []
    : text.split(/\r\n|[\n\r\u2028\u2029]/).map((line) => `# ${line.replace(/\p{Cc}/gu, ' ')}`.trimEnd())
}

function writeValue(value: unknown): string {
  if (Array.isArray(value)) return arrayOf(value.map(writeValue))
  if (isRecord(value)) {
    const members = Object.entries(value).map(([key, member]) => `${keyOf(key)} = ${writeValue(member)}`)
    return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
  }
  if (typeof value === 'string') return value.includes('\n') ? severalLines(value) : quoted(value)
  return value === null ? '""' : String(value)
}

function arrayOf(members: readonly string[]): string {
  const line = `[${members.join(', ')}]`
  return line.length <= 100 && !line.includes('\n') ? line : `[\n${members.map((member) => `  ${member},\n`).join('')}]`
}

/** A PEM text reads best in lines of its own. */
function severalLines(text: string): string {
  return text.includes("'''") || /[^\P{Cc}\n\t]/u.test(text) ? quoted(text) : `'''\n${text}'''`
}

function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f')
}

function keyOf(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key)
}

/** `jwksUri` → `jwks_uri`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
