import { isPlainObject } from './describe-value.js'

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

/** The text as it was: for everything that is no pattern, and for the parts of a pattern. */
export function plainText(text: string): string {
  return HAS_MARK.test(text) ? text.replace(IS_MARK, (mark) => LITERALS[mark] ?? mark) : text
}

/** The same with every text in it, within plain objects and arrays; the value itself if it has no mark. */
export function plainValue(value: unknown): unknown {
  if (typeof value === 'string') return plainText(value)
  if (Array.isArray(value)) {
    const members = Array.from(value, plainValue)
    return members.every((member, index) => member === value[index]) ? value : members
  }
  if (!isPlainObject(value)) return value
  const entries = Object.entries(value).map(([key, member]): [string, unknown] => [key, plainValue(member)])
  return entries.every(([key, member]) => member === value[key]) ? value : Object.fromEntries(entries)
}
