import { printable } from '../errors/printable.js'

/** Characters of what is said of a step: more would be cut. */
const ROOM = 200
const CUT = '...'

/** Several texts in one, the longest of them cut, so that none hides another. */
export function sideBySide(texts: readonly string[], beginning = ''): string {
  const parts = texts.map(printable)
  for (let most = ROOM; most > CUT.length; most -= 1) {
    const joined = `${beginning}${parts.map((part) => cut(part, most)).join('; ')}`
    if (joined.length <= ROOM) return joined
  }
  return beginning
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - CUT.length)}${CUT}`
}
