import type { IncomingMessage } from 'node:http'
import { fieldOf } from '../errors/field-of.js'

/**
 * The values of a header, of which there should be one. `req.headers` has the one that counts: a middleware may have set,
 * replaced or removed it, and some hosts fill in nothing else. But it has the first of two lines only, so all that were
 * sent are taken from `req.rawHeaders`, when they are there.
 *
 * @param name in lower case
 */
export function readHeader({ headers, rawHeaders }: Partial<IncomingMessage>, name: string): string[] {
  const lines = Array.isArray(rawHeaders) ? linesOf(rawHeaders, name) : []
  if (lines.length > 1) return lines
  const value = fieldOf(headers, name)
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : []
}

/** Node's `headersDistinct` would copy every other header, too. */
function linesOf(rawHeaders: readonly string[], wanted: string): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length !== wanted.length || name.toLowerCase() !== wanted) continue
    values.push(rawHeaders[at + 1] ?? '')
  }
  return values
}
