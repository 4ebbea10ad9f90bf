/** A string, a sign of structure, or a number or word, in text that is valid JSON. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g
/** Deeper nesting is refused where names are escaped, so that no text exhausts the stack. */
const MAX_DEPTH = 500

/**
 * As `JSON.parse`, without its fault in V8 12.8 and later, such as in Node 24 and 26: a name that is written with an escape, such as
 * `"https:\/\/…"`, can be read as another name, if some earlier text had that one in the same place (nodejs/node issue
 * 63785). Anybody could send such an earlier text. So text with an escaped name is read here.
 *
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text)
  if (!text.includes('\\')) return value
  const tokens = text.match(TOKEN) ?? []
  const isEscapedName = (token: string, index: number) => tokens[index + 1] === ':' && token.includes('\\')
  return tokens.some(isEscapedName) ? readValue(tokens.values(), 0) : value
}

/** Of valid JSON. `JSON.parse` reads a text without names right. */
function readValue(tokens: Iterator<string, undefined>, depth: number, token = tokens.next().value): unknown {
  if (depth > MAX_DEPTH) throw new SyntaxError('the JSON nests too deep')
  if (token === '{') return readMembers(tokens, depth + 1)
  if (token === '[') return readElements(tokens, depth + 1)
  return JSON.parse(token ?? '')
}

function readMembers(tokens: Iterator<string, undefined>, depth: number): object {
  const object = {}
  for (let token = tokens.next().value; token !== '}'; token = tokens.next().value) {
    const name: string = JSON.parse(token === ',' ? (tokens.next().value ?? '') : (token ?? ''))
    tokens.next() // The colon.
    const value = readValue(tokens, depth)
    // Also one that is named `__proto__`, which an assignment would not set.
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
  }
  return object
}

function readElements(tokens: Iterator<string, undefined>, depth: number): unknown[] {
  const elements: unknown[] = []
  for (let token = tokens.next().value; token !== ']'; token = tokens.next().value) {
    elements.push(token === ',' ? readValue(tokens, depth) : readValue(tokens, depth, token))
  }
  return elements
}
