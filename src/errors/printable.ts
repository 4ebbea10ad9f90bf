const MAX_LENGTH = 200
const ELLIPSIS = '...'
const UNPRINTABLE = /[^\x20-\x7E]/g
const IS_PRINTABLE = /^[\x20-\x7E]*$/
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** An attacker's string made safe for a log line or a terminal: printable ASCII, escaped, at most 200 characters. */
export function printable(text: string): string {
  if (text.length <= MAX_LENGTH && IS_PRINTABLE.test(text)) return text
  const escaped = text.slice(0, MAX_LENGTH).replace(UNPRINTABLE, escapeUnits)
  return Math.max(text.length, escaped.length) > MAX_LENGTH
    ? `${escaped.slice(0, MAX_LENGTH - ELLIPSIS.length)}${ELLIPSIS}`
    : escaped
}

/** A segment that is short, or a word in lower case. Anything else may be a token, a secret or an id of a person. */
const IS_PLAIN_SEGMENT = /^(?:[a-z._~-]{1,32}|[A-Za-z0-9._~-]{1,8})$/

/** A requested path made safe for an event: segments that may be secret are withheld, and the query is cut off before. */
export function printablePath(path: string): string {
  return printable(path.replace(/[^/]+/g, (segment) => (IS_PLAIN_SEGMENT.test(segment) ? segment : '(withheld)')))
}

/** The whole text made safe for one line of a terminal: control and format characters are escaped, letters are not. */
export function inOneLine(text: string): string {
  return text.replace(INVISIBLE, escapeUnits)
}

/** As in JSON, by UTF-16 units. */
function escapeUnits(characters: string): string {
  return characters
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
