import { TokenRejected } from '../errors/rejections.js'
import { ownMember, parseJsonObject } from './parse-json-object.js'
import { NO_THUMBPRINTS, readThumbprints, type Thumbprints } from './thumbprints.js'

/** A JWT before anything about it is known to be true: its payload is not even decoded. */
export interface UnverifiedJws {
  header: UnverifiedHeader
  /** The middle part as it was sent, base64url. */
  encodedPayload: string
  /** What the signature is over (RFC 7515 §5.2, step 8). */
  signingInput: string
  signature: Buffer
  /** All of it as it was sent. */
  compact: string
}

/** A JWT's parts before anything about it is known to be true. */
export interface UnverifiedJwt extends UnverifiedJws {
  payload: Readonly<Record<string, unknown>>
}

export interface UnverifiedHeader extends Thumbprints {
  alg: string
  kid?: string | undefined
  typ?: string | undefined
}

const BASE64URL = /^[A-Za-z0-9_-]+$/
const LONGEST_KID = 256
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Takes a JWT in compact form apart, without any cryptography. Exactly three parts of strict, canonical base64url
 * (RFC 7515 §2, §7.1); header and payload are JSON objects in UTF-8 with no member twice; `crit` and `b64` are refused,
 * since no extension is understood here (RFC 7515 §4.1.11, RFC 7797 §7).
 *
 * @throws TokenRejected `too_large`, `malformed_jwt`, `unsupported_header`
 */
export function parseJwt(token: string, maxBytes: number): UnverifiedJwt {
  return parsePayload(parseJws(token, maxBytes))
}

/**
 * The same without the payload, which costs the most: what the header alone shows to be of no use is refused before that is
 * decoded.
 *
 * @param maxHeaderLength characters, of the header as it is sent
 * @throws TokenRejected `too_large`, `malformed_jwt`, `unsupported_header`
 */
export function parseJws(token: string, maxBytes: number, maxHeaderLength = maxBytes): UnverifiedJws {
  if (typeof token !== 'string') throw new TokenRejected('malformed_jwt') // JavaScript callers may pass anything.
  if (token.length > maxBytes) throw new TokenRejected('too_large')
  const [encodedHeader, encodedPayload, encodedSignature, ...rest] = token.split('.', 4)
  if (
    rest.length > 0 ||
    encodedHeader === undefined ||
    encodedPayload === undefined ||
    encodedSignature === undefined
  ) {
    throw new TokenRejected('malformed_jwt')
  }
  if (encodedHeader.length > maxHeaderLength) throw new TokenRejected('too_large')
  const signature = decodeBase64url(encodedSignature)
  const header = parseHeader(decodeObject(encodedHeader))
  const signingInput = token.slice(0, encodedHeader.length + 1 + encodedPayload.length)
  return { header, encodedPayload, signingInput, signature, compact: token }
}

/** @throws TokenRejected `malformed_jwt` */
export function parsePayload(jws: UnverifiedJws): UnverifiedJwt {
  const { header, encodedPayload, signingInput, signature, compact } = jws
  return { header, payload: decodeObject(encodedPayload), encodedPayload, signingInput, signature, compact }
}

function parseHeader(header: Readonly<Record<string, unknown>>): UnverifiedHeader {
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) throw new TokenRejected('unsupported_header')
  const [alg, kid, typ] = [ownMember(header, 'alg'), ownMember(header, 'kid'), ownMember(header, 'typ')]
  if (typeof alg !== 'string') throw new TokenRejected('malformed_jwt')
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > LONGEST_KID))
    throw new TokenRejected('malformed_jwt')
  if (typ !== undefined && typeof typ !== 'string') throw new TokenRejected('malformed_jwt')
  return { alg, kid, typ, ...NO_THUMBPRINTS, ...readThumbprints(header) }
}

function decodeObject(encoded: string): Readonly<Record<string, unknown>> {
  const object = parseJsonObject(decodeUtf8(decodeBase64url(encoded)))
  if (object === undefined) throw new TokenRejected('malformed_jwt')
  return object
}

/** Strict: `Buffer` skips foreign characters and ignores the unused bits of the last one, so other text means the same. */
function decodeBase64url(encoded: string): Buffer {
  if (!BASE64URL.test(encoded)) throw new TokenRejected('malformed_jwt')
  const bytes = Buffer.from(encoded, 'base64url')
  if (bytes.toString('base64url') !== encoded) throw new TokenRejected('malformed_jwt')
  return bytes
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw new TokenRejected('malformed_jwt')
  }
}
