import { createFault } from '../errors/describe-fault.js'
import { parseJson } from '../jwt/parse-json.js'
import type { Revocation } from './revocation-store.js'

/** One text for one revocation, in ASCII, so that each database keeps and compares it exactly. */
export function writeRevocation({ kind, value, issuedBefore, expiresAt }: Revocation): string {
  const text = JSON.stringify([kind, value, issuedBefore ?? null, expiresAt])
  return text.replace(/[\u007F-\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** What `readPage` checks later. @throws Error for other text */
export function parseRevocation(text: string): Revocation {
  const members = parseJson(text)
  if (!Array.isArray(members)) throw createFault('malformed_revocation')
  const [kind, value, issuedBefore, expiresAt] = members
  return { kind, value, expiresAt, ...(issuedBefore !== null && { issuedBefore }) }
}
