import { plainText } from '../option-checks/describe-value.js'

/** UTF-16 units: the longest pattern that an option may have. `compileGlob` itself takes longer ones. */
export const MAX_PATTERN_LENGTH = 1024

/** A text to be searched for, with what Knuth, Morris and Pratt's algorithm must know of it. */
interface Piece {
  text: string
  /** For each beginning of the text: the length of its longest proper beginning that is also its end. */
  borders: readonly number[]
}

/** A pattern, cut at its stars. */
interface Glob {
  head: string
  /** What must follow the head one after the other, without overlap. */
  middle: readonly Piece[]
  tail: string
}

/**
 * A test for texts that match a whole pattern, in which `*` matches any run of characters, including none, and including `/`.
 * Every other character matches itself, and so does a star that is marked as literal (`plainText`): nothing else escapes
 * one. Texts are compared by UTF-16 units, without normalisation. For any pattern, compiling takes time linear in it, and
 * the test takes time linear in text and pattern: it reads each unit of the text at most once.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const [head = '', ...others] = pattern.split('*').map(plainText)
  const tail = others.pop()
  if (tail === undefined) return (text) => text === head
  const glob = { head, middle: others.filter((piece) => piece !== '').map(toPiece), tail }
  return (text) => matches(text, glob)
}

/** Each piece is taken at its first occurrence: that leaves the most text for those after it. */
function matches(text: string, { head, middle, tail }: Glob): boolean {
  const end = text.length - tail.length
  if (end < head.length || !isAt(text, head, 0) || !isAt(text, tail, end)) return false
  let from = head.length
  for (const piece of middle) {
    const after = endOfFirst(text, piece, from, end)
    if (after === undefined) return false
    from = after
  }
  return true
}

function isAt(text: string, piece: string, from: number): boolean {
  for (let index = 0; index < piece.length; index += 1) {
    if (text.charCodeAt(from + index) !== piece.charCodeAt(index)) return false
  }
  return true
}

/** The index after the first occurrence of a piece within `from` and `end`, or undefined if there is none. */
function endOfFirst(text: string, piece: Piece, from: number, end: number): number | undefined {
  let matched = 0
  for (let index = from; index < end; index += 1) {
    matched = extend(piece, matched, text.charCodeAt(index))
    if (matched === piece.text.length) return index + 1
  }
  return undefined
}

/**
 * How much of the piece is at the end of a text to which a unit was added.
 *
 * @param matched how much was there before: less than the whole piece
 */
function extend({ text, borders }: Piece, matched: number, unit: number): number {
  let length = matched
  while (length > 0 && text.charCodeAt(length) !== unit) length = borders[length - 1] ?? 0
  return text.charCodeAt(length) === unit ? length + 1 : 0
}

function toPiece(text: string): Piece {
  const borders = [0]
  for (let index = 1; index < text.length; index += 1) {
    borders.push(extend({ text, borders }, borders[index - 1] ?? 0, text.charCodeAt(index)))
  }
  return { text, borders }
}
