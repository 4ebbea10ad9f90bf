/** No claim set of a real identity provider nests deeper than a few levels. */
const DEEPEST = 32
const STRING_AND_COLON = /"[^"\\]*(?:\\.[^"\\]*)*"\s*(:?)/gs

/**
 * A JSON object from untrusted text, or undefined where it is no object, nests deeper than 32 levels, or names a member
 * twice (RFC 7515 §4, RFC 7519 §4: two readers might take different ones).
 */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const members = countMembers(value, 1)
  return members !== undefined && members === countWrittenMembers(text)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How many members all the objects within have together; undefined where it nests too deep. */
function countMembers(value: object, depth: number): number | undefined {
  if (depth > DEEPEST) return undefined
  const children = Object.values(value)
  let count = Array.isArray(value) ? 0 : children.length
  for (const child of children) {
    if (typeof child !== 'object' || child === null) continue
    const within = countMembers(child, depth + 1)
    if (within === undefined) return undefined
    count += within
  }
  return count
}

/** How many member names stand in valid JSON text: the strings that a colon follows. A name written twice counts twice. */
function countWrittenMembers(text: string): number {
  let count = 0
  for (const match of text.matchAll(STRING_AND_COLON)) if (match[1] === ':') count += 1
  return count
}
