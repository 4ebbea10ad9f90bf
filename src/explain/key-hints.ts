import type { FetchFailure } from '../guarded-fetch/fetch-error.js'
import { MIN_RSA_BITS, signatureBytesOf } from '../jwt/algorithms.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { MAX_CANDIDATES } from '../verification-keys/key-set.js'
import type { CutKeySet, KeyHeader, VerificationKeySource } from '../verification-keys/key-source.js'
import { optionName, sideBySide } from './wording.js'

type KeySource = Pick<VerificationKeySource, 'stats' | 'countFitting'>

export function hintOfUnknownKey({ kid }: KeyHeader, keySource: KeySource): string {
  const { kids, cut } = keySource.stats()
  if (cut !== undefined) {
    const why = kid === undefined ? 'no key that is read fits' : 'kid is not among the keys that are read'
    return `${why}: ${describeCut(cut)}`
  }
  const known = kids.filter((each) => each !== undefined)
  const are = known.length === 0 ? 'its keys have no kid' : `its kids are ${known.join(', ')}`
  return kid === undefined ? `the assertion names no kid; ${are}` : `kid is not in the key set: ${are}`
}

/** Of an assertion that none of the keys that were tried has signed. */
export function hintOfBadSignature(header: KeyHeader, keySource: KeySource): string {
  const count = keySource.countFitting(header)
  const { certificates, cut } = keySource.stats()
  if (count > MAX_CANDIDATES && certificates === undefined) {
    const tried = `only the first ${MAX_CANDIDATES} are tried`
    return header.kid === undefined
      ? `${count} keys fit and ${tried}, because the assertion names no kid: configure the identity provider to include it`
      : `${count} keys have this kid and ${tried}: each key needs a kid of its own at the identity provider`
  }
  if (header.kid === undefined && cut !== undefined)
    return `it was not signed by any of the keys that are read: ${describeCut(cut)}`
  return 'the token is from another environment of the identity provider, or was altered or forged'
}

function describeCut({ keys, maxKeys }: CutKeySet): string {
  return `the set has ${keys} keys, and only the first ${maxKeys} are used; raise jwksEndpoint.${optionName('maxKeys')}`
}

/** Bytes of a signature by the smallest RSA keys that are accepted. */
const MIN_RSA_SIGNATURE = MIN_RSA_BITS / 8
const DER_SEQUENCE = 0x30
const DER_INTEGER = 0x02
/** The next byte has the length. */
const DER_LONG_LENGTH = 0x81

/** How a signature is written in a form that JWTs do not have; undefined: its form is as it must be. */
export function hintOfSignatureForm({ header: { alg }, signature }: UnverifiedJwt): string | undefined {
  const size = signatureBytesOf(alg)
  if (size === undefined)
    return signature.length < MIN_RSA_SIGNATURE
      ? describeSize(alg, signature, `at least ${MIN_RSA_SIGNATURE}`)
      : undefined
  if (signature.length === size) return undefined
  if (!alg.startsWith('ES') || !isDer(signature)) return describeSize(alg, signature, String(size))
  return `the signature is in DER, as OpenSSL and Java make it: ${alg} needs the ${size} bytes of r and s (RFC 7518 3.4)`
}

function describeSize(alg: string, { length }: Buffer, size: string): string {
  return `the signature has ${length} bytes, but ${alg} has ${size}: it is cut off, or encoded in another way`
}

/** An ASN.1 sequence that begins with an integer and is as long as it says. */
function isDer(bytes: Buffer): boolean {
  const start = bytes[1] === DER_LONG_LENGTH ? 3 : 2
  const isWhole = bytes[start - 1] === bytes.length - start
  return bytes[0] === DER_SEQUENCE && isWhole && bytes[start] === DER_INTEGER
}

/** What is wrong and what to change, by the code of the underlying error or the HTTP status. */
const ADVICE_ON_CODES: Readonly<Record<string, string>> = {
  ENOTFOUND: `the host name is unknown: correct ${optionName('jwksUri')}, or name if discovery is true`,
  EAI_AGAIN: 'DNS does not answer: check the resolver, or set lookup',
  ECONNREFUSED: `nothing listens there: correct host and port in ${optionName('jwksUri')}, or set proxy`,
  ECONNRESET: 'the connection was reset: check firewalls, or set proxy',
  ENETUNREACH: 'there is no route: check the network, or set proxy',
  EHOSTUNREACH: 'there is no route: check the network, or set proxy',
  CERT_HAS_EXPIRED: 'the certificate of the endpoint has expired: renew it there',
  ERR_TLS_CERT_ALTNAME_INVALID: `its certificate is for another name: correct the host in ${optionName('jwksUri')}`,
  '401': `the endpoint requires credentials: set headers, or ${optionName('bearerTokenFile')}`,
  '403': 'the endpoint requires credentials, or refuses those sent: set headers, or allow anonymous reading there',
  '404': `nothing is there: correct ${optionName('jwksUri')}, or discovery`,
  '429': `the endpoint is asked too often: raise ${optionName('cacheMaxAge')}`,
}
/** The same by reason. */
const ADVICE: Readonly<Record<string, string>> = {
  request_headers_failed: 'correct the function headers',
  bearer_token_file_failed: `write one token to the file of ${optionName('bearerTokenFile')}, readable for this process`,
  address_not_allowed: 'if this address is right, set network to "any"',
  proxy_refused: 'correct proxy, or allow the host there',
  connection_timeout: `raise ${optionName('connectionTimeout')}, or open the firewall`,
  connection_failed: `correct ${optionName('jwksUri')}, or set proxy`,
  certificate_not_trusted: 'set ca to the certificate of its authority',
  read_timeout: `raise ${optionName('readTimeout')}, or make the endpoint faster`,
  read_failed: 'the connection ended early: try again later',
  too_large: `raise ${optionName('sizeLimitBytes')}`,
  redirected: `if that is right, set it as ${optionName('jwksUri')} or discovery`,
  unexpected_status: 'the endpoint reports an error: see its log',
  unexpected_encoding: 'turn compression off there',
  not_json: `correct ${optionName('jwksUri')}`,
  not_a_key_set: `correct ${optionName('jwksUri')}`,
  not_metadata: `correct discovery, or set ${optionName('jwksUri')}`,
  metadata_of_another_issuer: 'make name the same, if this is the right identity provider',
  no_usable_key: 'the key set has no usable key: publish one there',
}

/** Why and where a fetch failed, what was found, and which option to change. Printable, at most 200 characters. */
export function describeFetchFailure({ reason, code, url, detail }: FetchFailure): string {
  const known = code !== undefined && Object.hasOwn(ADVICE_ON_CODES, code) ? ADVICE_ON_CODES[code] : undefined
  const why = code === undefined ? reason : `${reason} ${code}`
  const where = url === undefined ? why : `${why}: ${url}`
  const advice = known ?? ADVICE[reason]
  return sideBySide([where, detail, advice].filter((text) => text !== undefined))
}
