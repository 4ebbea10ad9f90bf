import { createPublicKey, type KeyObject } from 'node:crypto'
import { isJsonObject, ownMember, parseJsonObject } from '../jwt/parse-json-object.js'
import { exportPublicJwk, readPublicParameters } from '../jwt/public-key.js'
import { readCertificates } from '../verification-keys/certificate.js'

const MAX_KEYS = 100
/** Members of a JWK that say how its key is used. */
const USES = ['kid', 'alg', 'use']

/**
 * PEM text, the base64 of PEM text, or the base64 of a certificate. Each certificate as PEM text of its own; undefined if there
 * is anything else.
 */
export function readCertificateText(text: unknown): readonly string[] | undefined {
  if (typeof text !== 'string') return undefined
  const decoded = Buffer.from(text, 'base64').toString('latin1')
  const bare = `-----BEGIN CERTIFICATE-----\n${text.trim()}\n-----END CERTIFICATE-----`
  for (const pem of [text, decoded, bare]) {
    const certificates = readCertificates(pem)
    if (certificates !== undefined) return certificates.map(({ x509 }) => x509.toString())
  }
  return undefined
}

/**
 * A JWK set, one JWK, or a public key as PEM text with or without its first and last line. The public members only; undefined
 * if there is a private, symmetric or unusable key.
 *
 * @param kid of the PEM text
 */
export function readPublicKeyText(text: string, kid: string | undefined): readonly object[] | undefined {
  if (text.startsWith('{')) return readKeySetText(text)
  const key = parsePublicKey(text)
  const exported = key && exportPublicJwk(key)
  const jwk = exported && publicJwk({ ...exported, ...(kid !== undefined && { kid }) })
  return jwk && [jwk]
}

function readKeySetText(text: string): readonly object[] | undefined {
  const document = parseJsonObject(text)
  if (document === undefined) return undefined
  const listed = ownMember(document, 'keys')
  const keys: readonly unknown[] = Array.isArray(listed) ? listed : [document]
  if (keys.length === 0 || keys.length > MAX_KEYS) return undefined
  const usable = keys.flatMap((jwk) => (isJsonObject(jwk) ? (publicJwk(jwk) ?? []) : []))
  return usable.length === keys.length ? usable : undefined
}

function parsePublicKey(text: string): KeyObject | undefined {
  const base64 = text.replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, '').replace(/\s/g, '')
  try {
    return createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
}

/** undefined for a key that is private, or cannot be used. */
function publicJwk(jwk: Readonly<Record<string, unknown>>): object | undefined {
  const parameters = Object.hasOwn(jwk, 'd') ? undefined : readPublicParameters(jwk)
  if (typeof parameters !== 'object') return undefined
  const uses = USES.flatMap((name) => (typeof ownMember(jwk, name) === 'string' ? [[name, ownMember(jwk, name)]] : []))
  return { ...parameters, ...Object.fromEntries(uses) }
}
