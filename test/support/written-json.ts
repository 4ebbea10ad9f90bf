import fc from 'fast-check'

/** Text that is known to be valid JSON, and what is known of it. */
export interface WrittenJson {
  text: string
  /** What it says, with the last value of a member that is there twice. */
  value: unknown
  depth: number
  hasDuplicate: boolean
}

const trickyNames = fc.constantFrom(
  ...['', 'a', 'b', 'aud', 'a":1', '"', '\\', '\\"', '\\u', '","', '__proto__', 'constructor', '{"a":1}'],
  'https://example.com/roles',
)
const name = fc.oneof(trickyNames, fc.string({ unit: 'grapheme', maxLength: 6 }))
const space = fc.constantFrom('', '', ' ', '\n\t', '\r\n ')

/** A JSON string in one of its spellings: slashes with a backslash, as PHP writes them, and some characters as \u escapes. */
function spelled(text: string, escapes: readonly boolean[]): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  const plain = (unit: string) => (unit === '/' ? '\\/' : JSON.stringify(unit).slice(1, -1))
  return `"${text
    .split('')
    .map((unit, index) => (escapes[index] === true ? escaped(unit) : plain(unit)))
    .join('')}"`
}

const spelledName = fc
  .tuple(name, fc.array(fc.boolean(), { maxLength: 8 }))
  .map(([text, escapes]) => ({ value: text, text: spelled(text, escapes) }))

const scalar = fc.constantFrom(null, true, -1.5e3, 0).map((value) => ({ value, text: JSON.stringify(value) }))
const leaf: fc.Arbitrary<WrittenJson> = fc
  .oneof(scalar, spelledName)
  .map((written) => ({ ...written, depth: 0, hasDuplicate: false }))

/** Any value, and any object. */
export const { value: writtenValue, object: writtenObject } = fc.letrec<{
  value: WrittenJson
  object: WrittenJson
  array: WrittenJson
}>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, leaf, tie('object'), tie('array')),
  array: fc
    .tuple(fc.array(tie('value'), { maxLength: 3 }), space)
    .map(([items, gap]) => ({ ...joined('[', ']', items, gap), value: items.map(({ value }) => value) })),
  object: fc.tuple(fc.array(fc.tuple(spelledName, tie('value')), { maxLength: 4 }), space).map(([members, gap]) => {
    const items = members.map(([key, value]) => ({ ...value, text: `${key.text}${gap}:${gap}${value.text}` }))
    const isRepeated = new Set(members.map(([key]) => key.value)).size < members.length
    const whole = joined('{', '}', items, gap)
    const value = Object.fromEntries(members.map(([key, member]) => [key.value, member.value]))
    return { ...whole, value, hasDuplicate: whole.hasDuplicate || isRepeated }
  }),
}))

function joined(open: string, close: string, items: readonly WrittenJson[], gap: string): Omit<WrittenJson, 'value'> {
  return {
    text: `${open}${gap}${items.map(({ text }) => text).join(`${gap},${gap}`)}${gap}${close}`,
    depth: 1 + Math.max(0, ...items.map(({ depth }) => depth)),
    hasDuplicate: items.some(({ hasDuplicate }) => hasDuplicate),
  }
}
