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

/** What form-decoding changes or refuses. */
const DECODED = /[+%]/
const BOTH_ACCEPTED = 'with Basic it is accepted form-encoded and as it is; other servers and clients may know only one'

/** Clients whose id or secret arrives as other text if it is not form-encoded in Basic (RFC 6749 §2.3.1), as curl -u does. */
export function noteRawSecrets(clients: unknown, notes: string[]): void {
  for (const client of Array.isArray(clients) ? clients : []) {
    const { clientId, clientSecret } = (isPlainObject(client) ? client : {}) as Readonly<Record<string, unknown>>
    const [id, secret] = [plainText(String(clientId)), plainText(String(clientSecret))]
    if (id.includes(':')) {
      notes.push(`client ${id}: with Basic, an id that has a colon must be form-encoded, which curl -u does not do`)
    } else if (DECODED.test(id)) {
      notes.push(`client ${id}: the id has + or %: ${BOTH_ACCEPTED}`)
    }
    if (DECODED.test(secret)) notes.push(`client ${id}: the secret has + or %: ${BOTH_ACCEPTED}`)
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
