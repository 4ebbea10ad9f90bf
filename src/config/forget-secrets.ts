import { hashClientSecret } from '../client-auth/client-secret.js'
import { isPlainObject, plainText } from '../option-checks/describe-value.js'

/**
 * A copy of what was parsed that does not keep the text of the file: V8 makes a part of a long string by a reference to
 * the whole, so that each name in the file would keep its secrets in memory.
 */
export function detached(value: unknown): unknown {
  if (typeof value === 'string') return Buffer.from(value).toString()
  if (Array.isArray(value)) return value.map(detached)
  if (!isPlainObject(value)) return value
  const copy: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    // Also one that is named `__proto__`, which an assignment would not set.
    Object.defineProperty(copy, key, { value: detached(member), enumerable: true, writable: true, configurable: true })
  }
  return copy
}

/** What curl -u sends as it is, and the token endpoint decodes (RFC 6749 §2.3.1): another secret would arrive. */
const DECODED = /[+%]/

/** Clients whose secrets curl -u does not send as they are. */
export function noteRawSecrets(clients: unknown, notes: string[]): void {
  for (const client of Array.isArray(clients) ? clients : []) {
    const { clientId, clientSecret } = (isPlainObject(client) ? client : {}) as Readonly<Record<string, unknown>>
    const [id, secret] = [plainText(String(clientId)), plainText(String(clientSecret))]
    const part = DECODED.test(secret) ? 'secret' : DECODED.test(id) || id.includes(':') ? 'id' : undefined
    if (part === undefined) continue
    const why = part === 'id' ? 'an id with +, % or : in it' : 'a secret with + or % in it'
    notes.push(
      `client ${id}: curl -u does not encode ${why}: encode it first, or send it in the body with --data-urlencode`,
    )
  }
}

/** The clients of a file that was checked, each with the hash of its secret instead of that. */
export function withHashedSecrets(clients: unknown): unknown {
  if (!Array.isArray(clients)) return clients
  return clients.map((client: unknown) => {
    if (!isPlainObject(client) || typeof client.clientSecret !== 'string') return client
    const { clientSecret, ...others } = client
    return { ...others, clientSecretHash: hashClientSecret(plainText(clientSecret)) }
  })
}
