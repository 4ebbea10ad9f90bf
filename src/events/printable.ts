const LONGEST = 200
/** What stands in place of the rest. */
const CUT = '...'
const UNPRINTABLE = /[^\x20-\x7E]/g
const IS_PRINTABLE = /^[\x20-\x7E]*$/

/** An attacker's string made safe for a log line or a terminal: printable ASCII, escaped, at most 200 characters. */
export function printable(text: string): string {
  if (text.length <= LONGEST && IS_PRINTABLE.test(text)) return text
  const escaped = text
    .slice(0, LONGEST)
    .replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return Math.max(text.length, escaped.length) > LONGEST ? `${escaped.slice(0, LONGEST - CUT.length)}${CUT}` : escaped
}
