import { forEachName, parseJson } from './parse-json.js'

/** No claim set of a real identity provider nests deeper than a few levels. */
const MAX_DEPTH = 32

/**
 * A JSON object from untrusted text. Undefined if it is not an object, nests deeper than 32 levels, or has a duplicate member
 * (RFC 7515 §4, RFC 7519 §4). Two parsers could read different values of a duplicate member.
 */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = tryToParse(text)
  if (!isJsonObject(value)) return undefined
  const members = countMembers(value, 1)
  return members !== undefined && members === countWrittenMembers(text) ? value : undefined
}

/** Whether parsed JSON is an object, and not an array. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function tryToParse(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined
  }
}

/** How many members all nested objects have together; undefined if it nests too deep. */
function countMembers(value: object, depth: number): number | undefined {
  if (depth > MAX_DEPTH) return undefined
  const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
  let count = Array.isArray(value) ? 0 : children.length
  for (const child of children) {
    if (typeof child !== 'object' || child === null) continue
    const within = countMembers(child, depth + 1)
    if (within === undefined) return undefined
    count += within
  }
  return count
}

/** How many member names are in valid JSON text. Duplicates count each time. */
function countWrittenMembers(text: string): number {
  let count = 0
  forEachName(text, () => {
    count += 1
  })
  return count
}

/** A member of parsed JSON, or undefined if it is missing. Additions to `Object.prototype` do not count as members. */
export function ownMember(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Readonly<Record<string, unknown>>)[name] : undefined
}
