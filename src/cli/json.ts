import { inOneLine } from '../errors/printable.js'

/** JSON that a terminal can show, too: JSON itself lets most control and format characters stand. */
export function toJson(value: unknown): string {
  const lines = JSON.stringify(value, null, 2).split('\n')
  return `${lines.map(inOneLine).join('\n')}\n`
}
