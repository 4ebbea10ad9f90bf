import { isRecord, textOf } from './entry.js'

/** One demand on one claim, as a row of the form has it. */
export interface ConditionRow {
  claim: string
  operator: Operator
  /** Of texts: what the claim must be. One in each line where the operator takes several. */
  value: string
  /** How the value is written in the token: `"5"` is not `5`. */
  type: ValueType
  /** What the event says if the condition fails. */
  message: string
}

export type ValueType = 'text' | 'number' | 'boolean'
export type Operator = keyof typeof OPERATORS

interface OperatorKind {
  label: string
  takes: 'one' | 'several' | 'path' | 'number' | 'nothing' | 'json'
  /** Whether the claim may be a number or a boolean. */
  hasType?: boolean
}

export const OPERATORS = {
  equals: { label: 'is exactly', takes: 'one', hasType: true },
  pattern: { label: 'matches the pattern', takes: 'one' },
  oneOf: { label: 'is one of', takes: 'several', hasType: true },
  includes: { label: 'is a list that includes one of', takes: 'several', hasType: true },
  hasWord: { label: 'has one of the words', takes: 'several' },
  exists: { label: 'is present', takes: 'nothing' },
  missing: { label: 'is missing', takes: 'nothing' },
  equalsClaim: { label: 'is the same as the claim', takes: 'path' },
  atLeast: { label: 'is at least', takes: 'number' },
  atMost: { label: 'is at most', takes: 'number' },
  above: { label: 'is above', takes: 'number' },
  below: { label: 'is below', takes: 'number' },
  json: { label: 'meets this JSON', takes: 'json' },
} as const satisfies Readonly<Record<string, OperatorKind>>

export const NEW_ROW: ConditionRow = { claim: '', operator: 'equals', value: '', type: 'text', message: '' }

/** `requiredClaims` or `when`, as rows: one for each operator of a claim. */
export function toRows(conditions: unknown): ConditionRow[] {
  if (!isRecord(conditions)) return []
  return Object.entries(conditions).flatMap(
    ([claim, condition]) => rowsOf(claim, condition) ?? [asJson(claim, condition)],
  )
}

/** The rows as `requiredClaims` or `when`; undefined if none has a claim. Rows of one claim are one condition. */
export function fromRows(rows: readonly ConditionRow[]): Record<string, unknown> | undefined {
  const conditions = new Map<string, unknown>()
  for (const row of rows.filter(({ claim }) => claim !== '')) {
    const before = conditions.get(row.claim)
    const condition = conditionOf(row)
    const isFirst = before === undefined
    conditions.set(row.claim, isFirst ? condition : { ...operatorsOf(before), ...operatorsOf(condition) })
  }
  return conditions.size === 0 ? undefined : Object.fromEntries(conditions)
}

function rowsOf(claim: string, condition: unknown): ConditionRow[] | undefined {
  if (!isRecord(condition)) {
    const operator = Array.isArray(condition) ? 'oneOf' : isPattern(condition) ? 'pattern' : 'equals'
    const row = rowOf(claim, operator, condition)
    return row && [row]
  }
  const { message, ...operators } = condition
  const rows = Object.entries(operators).map(([name, value]) => rowOf(claim, name, value))
  const [first] = rows
  if (first === undefined || rows.includes(undefined)) return undefined
  first.message = textOf(message)
  return rows.filter((row) => row !== undefined)
}

/** undefined: no row can show this. */
function rowOf(claim: string, operator: string, value: unknown): ConditionRow | undefined {
  if (operator === 'exists' && typeof value === 'boolean')
    return { ...NEW_ROW, claim, operator: value ? 'exists' : 'missing' }
  if (!Object.hasOwn(OPERATORS, operator) || ['missing', 'json'].includes(operator)) return undefined
  const values: unknown[] = Array.isArray(value) ? value : [value]
  const types = new Set(values.map(typeOf))
  const [type] = types
  const isFit = types.size === 1 && type !== undefined && !values.some((each) => String(each).includes('\n'))
  return isFit ? { ...NEW_ROW, claim, operator: operator as Operator, value: values.join('\n'), type } : undefined
}

function typeOf(value: unknown): ValueType | undefined {
  if (typeof value === 'string') return value === value.trim() && value !== '' ? 'text' : undefined
  return typeof value === 'number' || typeof value === 'boolean' ? (typeof value as ValueType) : undefined
}

function asJson(claim: string, condition: unknown): ConditionRow {
  return { ...NEW_ROW, claim, operator: 'json', value: JSON.stringify(condition) ?? '' }
}

/** The shortest way to write it. */
function conditionOf(row: ConditionRow): unknown {
  const { operator, message } = row
  const value = valueOfRow(row)
  if (operator === 'json') return value
  const isShort = message === '' && ['equals', 'pattern', 'oneOf'].includes(operator)
  if (isShort && !(operator === 'equals' && isPattern(value))) return value
  const named =
    operator === 'pattern' ? { oneOf: [value] } : operator === 'missing' ? { exists: false } : { [operator]: value }
  return { ...named, ...(message !== '' && { message }) }
}

function valueOfRow({ operator, value, type }: ConditionRow): unknown {
  const { takes } = OPERATORS[operator]
  if (takes === 'nothing') return true
  if (takes === 'json') return parseJson(value)
  if (takes === 'number') return toNumber(value)
  const read = (text: string) => (type === 'number' ? toNumber(text) : type === 'boolean' ? toBoolean(text) : text)
  if (takes !== 'several') return read(value.trim())
  const values = value
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const [only] = values
  return values.length === 1 && operator !== 'oneOf' && only !== undefined ? read(only) : values.map(read)
}

/** A condition, with its operators by name. */
function operatorsOf(condition: unknown): Readonly<Record<string, unknown>> {
  if (isRecord(condition)) return condition
  return Array.isArray(condition) || isPattern(condition) ? { oneOf: [condition].flat() } : { equals: condition }
}

function isPattern(value: unknown): boolean {
  return typeof value === 'string' && value.includes('*')
}

/** Anything else stays a text, so that the API says what is wrong with it. */
function toNumber(text: string): unknown {
  const number = Number(text)
  return text.trim() === '' || !Number.isFinite(number) ? text : number
}

function toBoolean(text: string): unknown {
  return text === 'true' || text === 'false' ? text === 'true' : text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
