import { isPromise } from 'node:util/types'

/** Marks names of options in messages, and literal text in options: none may come from a value. */
const NONCHARACTER = /[\uFDD0-\uFDEF]/g

/** Its kind alone, for what may be a secret. */
export function describeType(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (value === null) return 'null'
  if (Array.isArray(value)) return isEmptyArray(value) ? 'an empty array' : 'an array'
  if (isPromise(value)) return 'a promise'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

export function isEmptyArray(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

/** For the message of a problem. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describeType(value)
}

/**
 * An object literal of any realm, or an object without a prototype. The values in a Map, a Set or an instance would not be found
 * as options, and neither would inherited ones.
 */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || isObjectPrototype(prototype)
}

/** That of any realm. Another object without a prototype may have options. */
function isObjectPrototype(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'hasOwnProperty')
  )
}

/**
 * Stand for `*`, `$` and `{` that came from an environment variable, so that they are neither a pattern nor the place of a
 * claim. Noncharacters of Unicode: no text that is interchanged has them. One for one, so that lengths stay.
 */
const MARKS: Readonly<Record<string, string>> = { '*': '\uFDD0', '{': '\uFDD1', $: '\uFDD2' }
const LITERALS: Readonly<Record<string, string>> = { '\uFDD0': '*', '\uFDD1': '{', '\uFDD2': '$' }
const IS_SPECIAL = /[*{$]/g
const IS_MARK = /[\uFDD0-\uFDD2]/g
const HAS_MARK = /[\uFDD0-\uFDD2]/

/** The same text, in which nothing is a pattern or the place of a claim. */
export function toLiteral(text: string): string {
  return text.replace(IS_SPECIAL, (special) => MARKS[special] ?? special)
}

/** The text as it was: for everything that is not a pattern, and for the parts of a pattern. */
export function plainText(text: string): string {
  return HAS_MARK.test(text) ? text.replace(IS_MARK, (mark) => LITERALS[mark] ?? mark) : text
}

/** Levels of arrays and objects: no option is nested deeper, but one may contain itself. */
const MAX_DEPTH = 16

/** The same with every text in it, within plain objects and arrays; the value itself if it has no mark. */
export function plainValue(value: unknown): unknown {
  return plainAt(value, 1)
}

function plainAt(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return plainText(value)
  if (depth > MAX_DEPTH) return value
  if (Array.isArray(value)) {
    const members = Array.from(value, (member) => plainAt(member, depth + 1))
    return members.every((member, index) => member === value[index]) ? value : members
  }
  if (!isPlainObject(value)) return value
  const entries = Object.entries(value).map(([key, member]): [string, unknown] => [key, plainAt(member, depth + 1)])
  return entries.every(([key, member]) => member === value[key]) ? value : Object.fromEntries(entries)
}

/** The beginning of a text, unless it may hold a key or a password that was put in the wrong place. */
function quote(text: string): string {
  if (text.includes('PRIVATE KEY')) return 'a private key'
  if (/^\s*[{[]/.test(text)) return 'text that looks like JSON'
  const withoutPassword = text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1…@')
  const shown = withoutPassword.length > 80 ? `${withoutPassword.slice(0, 80)}…` : withoutPassword
  return JSON.stringify(shown).replace(NONCHARACTER, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`)
}
