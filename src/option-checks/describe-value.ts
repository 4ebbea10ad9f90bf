import { isPromise } from 'node:util/types'

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

/** The beginning of a text, unless it may hold a key or a password that was put in the wrong place. */
function quote(text: string): string {
  if (text.includes('PRIVATE KEY')) return 'a private key'
  if (/^\s*[{[]/.test(text)) return 'text that looks like JSON'
  const withoutPassword = text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/is, '$1…@')
  return JSON.stringify(withoutPassword.length > 80 ? `${withoutPassword.slice(0, 80)}…` : withoutPassword)
}

/** An object literal of any realm. The values in a Map, a Set or an instance would not be found as options. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null)
}
