import { randomUUID } from 'node:crypto'

const BACKSLASH = 0x5c
const COLON = 0x3a
const SPACE = 0x20
/** What a JSON string cannot have without an escape. */
const NEEDS_ESCAPE = /["\\\p{Cc}]/u
/** With an index, it stands for a name that needs an escape. No text can have it, because it is secret and new in each process. */
const PLACEHOLDER = `${randomUUID()}~`
/** Deeper nesting is refused where a name needs an escape, so that no text exhausts the stack. */
const MAX_DEPTH = 500

/**
 * As `JSON.parse`, without its fault in V8 12.8 and later, such as in Node 24 and 26: a name that is written with an escape, such as
 * `"https:\/\/…"`, can be read as another name, if some earlier text had that one in the same place (nodejs/node issue
 * 63785). Anybody could send such an earlier text. So names are written without an escape before they are read.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (!text.includes('\\')) return value
  const { plain, escaped } = withPlainNames(text)
  if (plain === text) return value
  const plainly: unknown = JSON.parse(plain)
  return escaped.length === 0 ? plainly : withNames(plainly, escaped, 0)
}

/** Visits each name of a member in valid JSON: a string that a colon follows. Its quotes are at `start` and at `end`. */
export function forEachName(text: string, visit: (start: number, end: number) => void): void {
  let start = text.indexOf('"')
  while (start >= 0) {
    const end = endOfString(text, start)
    let at = end + 1
    while (text.charCodeAt(at) <= SPACE) at += 1
    if (text.charCodeAt(at) === COLON) visit(start, end)
    start = text.indexOf('"', at)
  }
}

/** The index of the quote that ends a string of valid JSON: an even number of backslashes precedes it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let at = end - 1
    while (text.charCodeAt(at) === BACKSLASH) at -= 1
    if ((end - at) % 2 === 1) return end
  }
}

/** The text without escapes in names. A name that needs one has a placeholder instead, with its index in `escaped`. */
function withPlainNames(text: string): { plain: string; escaped: readonly string[] } {
  const indexes = new Map<string, number>()
  const pieces: string[] = []
  let copied = 0
  forEachName(text, (start, end) => {
    const written = text.slice(start, end + 1)
    if (!written.includes('\\')) return
    const name: string = JSON.parse(written)
    if (NEEDS_ESCAPE.test(name) && !indexes.has(name)) indexes.set(name, indexes.size)
    const index = indexes.get(name)
    pieces.push(text.slice(copied, start), index === undefined ? `"${name}"` : `"${PLACEHOLDER}${index}"`)
    copied = end + 1
  })
  return { plain: pieces.join('') + text.slice(copied), escaped: [...indexes.keys()] }
}

/** A copy of parsed JSON that has the names again, instead of their placeholders. */
function withNames(value: unknown, names: readonly string[], depth: number): unknown {
  if (depth > MAX_DEPTH) throw new SyntaxError('the JSON nests too deep')
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((element) => withNames(element, names, depth + 1))
  const members = Object.entries(value).map(([key, member]) => [
    key.startsWith(PLACEHOLDER) ? names[Number(key.slice(PLACEHOLDER.length))] : key,
    withNames(member, names, depth + 1),
  ])
  return Object.fromEntries(members) // Makes an own member of `__proto__`, too.
}
