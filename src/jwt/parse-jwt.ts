import { TokenRejected } from '../errors/rejections.js'
import { ownMember, parseJsonObject } from './parse-json-object.js'
import { NO_THUMBPRINTS, readThumbprints, type Thumbprints } from './public-key.js'

/** A JWT whose payload is not decoded. Nothing in it is verified. */
export interface UnverifiedJws {
  header: UnverifiedHeader
  /** In base64url, as it was sent. */
  encodedPayload: string
  /** The text that is signed (RFC 7515 §5.2, step 8). */
  signingInput: string
  signature: Buffer
  /** The whole JWT as it was sent. */
  compact: string
}

/** A decoded JWT. Nothing in it is verified. */
export interface UnverifiedJwt extends UnverifiedJws {
  payload: Readonly<Record<string, unknown>>
}

export interface UnverifiedHeader extends Thumbprints {
  alg: string
  kid?: string | undefined
  typ?: string | undefined
}

const BASE64URL = /^[A-Za-z0-9_-]+$/
const MAX_KID_LENGTH = 256
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses a JWT in compact form, without any cryptography. It must have three parts of strict, canonical base64url
 * (RFC 7515 §2, §7.1). Header and payload must be JSON objects in UTF-8 without duplicate members. `crit` and `b64` are
 * refused, because no extension is supported (RFC 7515 §4.1.11, RFC 7797 §7).
 *
 * @throws TokenRejected `too_large`, `malformed_jwt`, `unsupported_header`
 */
export function parseJwt(token: string, maxBytes: number): UnverifiedJwt {
  return parsePayload(parseJws(token, maxBytes))
}

/**
 * The same without the payload, which is the expensive part. A JWT can be refused by its header before its payload is
 * decoded.
 *
 * @param maxHeaderLength in characters of the encoded header
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
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH))
    throw new TokenRejected('malformed_jwt')
  if (typ !== undefined && typeof typ !== 'string') throw new TokenRejected('malformed_jwt')
  return { alg, kid, typ, ...NO_THUMBPRINTS, ...readThumbprints(header) }
}

function decodeObject(encoded: string): Readonly<Record<string, unknown>> {
  const object = parseJsonObject(decodeUtf8(decodeBase64url(encoded)))
  if (object === undefined) throw new TokenRejected('malformed_jwt')
  return object
}

/**
 * Strict, so that each value has one spelling. `Buffer` skips foreign characters, and ignores the unused bits of the last
 * character.
 */
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

/** Types of other tokens than assertions (RFC 8725 §3.11). Accepting one would allow substitution. */
const FOREIGN_TYPES: ReadonlySet<string> = new Set([
  // Access tokens, and what is said of them (RFC 9068, RFC 9701, draft-ietf-oauth-transaction-tokens)
  ...['at+jwt', 'token-introspection+jwt', 'txntoken+jwt', 'txn_token'],
  // Events (RFC 8417, OpenID Connect Back-Channel Logout)
  ...['secevent+jwt', 'logout+jwt'],
  // Proofs, and tokens that are good with a proof only (RFC 9449, RFC 9901, WIMSE, OpenID4VCI, RFC 9635)
  ...['dpop+jwt', 'kb+jwt', 'wit+jwt', 'wpt+jwt', 'wimse-id+jwt', 'openid4vci-proof+jwt', 'key-attestation+jwt'],
  ...['keyattestation+jwt', 'gnap-binding-jws', 'gnap-binding-jwsd', 'gnap-binding-rotation-jws'],
  'gnap-binding-rotation-jwsd',
  // Requests, and the authentication of clients (RFC 9101, RFC 7523bis, draft-ietf-oauth-attestation-based-client-auth)
  ...['oauth-authz-req+jwt', 'client-authentication+jwt', 'oauth-client-attestation+jwt', 'wallet-attestation+jwt'],
  'oauth-client-attestation-pop+jwt',
  // A grant of one client, which another one must not redeem (draft-ietf-oauth-identity-assertion-authz-grant)
  'oauth-id-jag+jwt',
  // Credentials and their status (W3C VC-JOSE-COSE, draft-ietf-oauth-status-list)
  ...['vc+jwt', 'vp+jwt', 'vc-ld+jwt', 'vp-ld+jwt', 'vc+ld+jwt', 'vp+ld+jwt', 'statuslist+jwt', 'provided-claims+jwt'],
  // Statements of federations (OpenID Federation)
  ...['entity-statement+jwt', 'trust-mark+jwt', 'trust-mark-delegation+jwt', 'trust-mark-status-response+jwt'],
  ...['resolve-response+jwt', 'explicit-registration-response+jwt', 'jwk-set+jwt'],
  // Calls and devices (RFC 8225, RFC 9711)
  ...['passport', 'eat+jwt'],
])
/** Credentials with disclosures: `dc+sd-jwt`, `vc+sd-jwt` and others (RFC 9901). */
const SELECTIVE_DISCLOSURE = /(?:^|\+)sd-jwt$/

/** A `typ` without case and without the `application/` that may be left out (RFC 7515 §4.1.9). */
export function normaliseType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '')
}

/** Whether a `typ` means another token than an assertion. */
export function isForeignType(typ: string): boolean {
  const type = normaliseType(typ)
  return FOREIGN_TYPES.has(type) || SELECTIVE_DISCLOSURE.test(type)
}
