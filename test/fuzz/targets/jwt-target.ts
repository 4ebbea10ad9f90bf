import { sign } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK } from 'jose'
import { parseJson } from '../../../src/jwt/parse-json.js'
import { parseJwt, type UnverifiedJwt } from '../../../src/jwt/parse-jwt.js'
import { isSignedBy } from '../../../src/jwt/signatures.js'
import { type KeySet, readKeySet } from '../../../src/verification-keys/key-set.js'
import { encodePart, withSignature } from '../../support/compact-jws.js'
import { generatePair } from '../../support/generate-pair.js'
import { type FuzzTarget, hold, isSameJson, thrownBy } from '../fuzz-target.js'

const MAX_BYTES = 16_384
const REASONS = ['malformed_jwt', 'too_large', 'unsupported_header']
const WORDS = [
  'alg',
  'kid',
  'typ',
  'crit',
  'b64',
  'EdDSA',
  'ES256',
  'none',
  'sub',
  '"a":1',
  ',"alg":"none"',
  '[[[[[[[[[[',
  ']]]]]]]]]]',
]
const HEADER = '{"alg":"EdDSA","kid":"key","typ":"JWT"}'
const CLAIMS =
  '{"iss":"https://idp.example.com","sub":"alice","aud":["a","b"],"exp":1900000000,"n":{"d":[1,2.5e3,null]}}'

/** V8 12.8 and later may take an escaped name for another one (nodejs/node issue 63785), so there it is no reference. */
const [MAJOR = 0, MINOR = 0] = process.versions.v8.split('.').map(Number)
const MISTAKES_ESCAPED_NAMES = MAJOR > 12 || (MAJOR === 12 && MINOR >= 8)

/** Any text as JSON. */
export function jsonTarget(): FuzzTarget {
  return {
    name: 'parseJson',
    seeds: [
      CLAIMS,
      '{"\\u0061":1,"b":{"\\"":[2]}}',
      '{"https:\\/\\/example.com\\/roles":["a\\/b"],"\\n":{}}',
      '["\\\\"]',
    ],
    words: ['\\', '\\u0061', '\\ud83d', '\\/', '"', '":', ',"', '{}', '[', '__proto__'],
    check: (input) => {
      const text = input.toString('utf8')
      const read = thrownBy(() => parseJson(text), 'SyntaxError')
      if ('error' in read) return
      const isReference = !(MISTAKES_ESCAPED_NAMES && text.includes('\\'))
      if (isReference) hold(isSameJson(read.result, JSON.parse(text)), 'JSON is read as JSON.parse reads it')
      hold(isSameJson(parseJson(JSON.stringify(read.result)), read.result), 'what is written is read again')
    },
  }
}

/** Any text as a token. */
export function jwtTarget(): FuzzTarget {
  const token = `${encodePart(HEADER)}.${encodePart(CLAIMS)}.${encodePart('signature')}`
  return {
    name: 'parseJwt',
    seeds: [token, `${token}.`, '..', `${encodePart('{"alg":"none"}')}.${encodePart('{}')}.AA`],
    words: [
      ...WORDS,
      '.',
      '=',
      'eyJ',
      encodePart('{"alg":"none"}'),
      encodePart('{"b64":false,"crit":["b64"],"alg":"EdDSA"}'),
    ],
    check: (input) => checkParsing(input.toString('latin1')),
  }
}

/** Any bytes as header and payload of a token whose signature is right: `header LF payload`. */
export function signedJwtTarget(): FuzzTarget {
  const { publicKey, privateKey } = generatePair('ed25519')
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'key' } as JWK
  const { keySet } = readKeySet([jwk])
  const signed = (input: Buffer) => {
    const at = input.indexOf(0x0a)
    const [header, payload] = at < 0 ? [input, Buffer.alloc(0)] : [input.subarray(0, at), input.subarray(at + 1)]
    const signingInput = `${encodePart(header)}.${encodePart(payload)}`
    return withSignature(signingInput, sign(null, Buffer.from(signingInput), privateKey))
  }
  return {
    name: 'a signed token, against jose',
    seeds: [`${HEADER}\n${CLAIMS}`, '{"alg":"Ed25519"}\n{}', `{"alg":"EdDSA","crit":["b64"],"b64":true}\n${CLAIMS}`],
    words: WORDS,
    check: async (input) => {
      const token = signed(input)
      checkParsing(token)
      await compareWithJose(token, keySet, jwk)
    },
  }
}

/** What is promised of each token, without its signature. */
function checkParsing(token: string): void {
  const outcome = thrownBy(() => parseJwt(token, MAX_BYTES), 'TokenRejected')
  const byJose = decodeByJose(token)
  if ('error' in outcome) {
    hold(REASONS.includes(outcome.error.reason ?? ''), 'the reason is one of the documented ones')
    hold(byJose === undefined || whyRefused(token) !== undefined, 'what jose decodes is refused for a known reason')
    return
  }
  const { result } = outcome
  hold(byJose !== undefined, 'what is taken apart is decoded by jose')
  hold(isSameJson(byJose?.claims, result.payload), 'the claims are those that jose reads')
  hold(isSameHeader(result, byJose?.header), 'the header is the one that jose reads')
  hold(isRoundTrip(token, result), 'the parts make the same token again')
  hold(whyRefused(token) === undefined, 'nothing is taken that a rule refuses')
}

async function compareWithJose(token: string, keySet: KeySet | undefined, jwk: JWK): Promise<void> {
  const isOurs = await isAccepted(token, keySet)
  const byJose = await verifyByJose(token, jwk)
  if (isOurs) hold(byJose !== undefined, 'what is accepted is accepted by jose')
  else
    hold(
      byJose === undefined || whyRefused(token) !== undefined || !isForKey(token),
      'jose accepts, for no known reason',
    )
}

async function isAccepted(token: string, keySet: KeySet | undefined): Promise<boolean> {
  const outcome = thrownBy(() => parseJwt(token, MAX_BYTES), 'TokenRejected')
  if ('error' in outcome) return false
  for (const key of keySet?.find(outcome.result.header) ?? []) if (await isSignedBy(key, outcome.result)) return true
  return false
}

async function verifyByJose(token: string, jwk: JWK): Promise<unknown> {
  try {
    return await compactVerify(token, await importJWK(jwk, 'EdDSA'), { algorithms: ['EdDSA', 'Ed25519'] })
  } catch {
    return undefined
  }
}

/** jose does not look for a key. */
function isForKey(token: string): boolean {
  const { kid } = decodeByJose(token)?.header ?? {}
  return kid === undefined || kid === 'key'
}

function decodeByJose(token: string) {
  try {
    return { header: decodeProtectedHeader(token), claims: decodeJwt(token) }
  } catch {
    return undefined
  }
}

/**
 * The rule by which a token is refused that jose decodes: a list that is closed. Found out in another way than by the
 * parser: by reading JSON with a reviver, and by encoding again.
 */
function whyRefused(token: string): string | undefined {
  if (token.length > MAX_BYTES) return 'too long'
  const parts = token.split('.')
  if (parts.length !== 3) return 'not three parts'
  if (parts.some((part) => part === '' || Buffer.from(part, 'base64url').toString('base64url') !== part)) {
    return 'base64url that is not canonical, or empty'
  }
  const [header, payload] = parts.slice(0, 2).map((part) => Buffer.from(part, 'base64url'))
  if (header === undefined || payload === undefined) return 'not three parts'
  if ([header, payload].some((bytes) => !Buffer.from(bytes.toString('utf8')).equals(bytes))) return 'not UTF-8'
  if ([header, payload].some((bytes) => bytes.toString('utf8').startsWith('\ufeff'))) return 'a byte order mark'
  return (
    whyJsonIsRefused(header.toString('utf8')) ??
    whyJsonIsRefused(payload.toString('utf8')) ??
    whyHeaderIsRefused(header)
  )
}

function whyJsonIsRefused(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not an object'
    if (depthOf(value) > 32) return 'nested too deep'
    return countNames(text) === countMembers(value) ? undefined : 'a member twice'
  } catch {
    return 'not JSON'
  }
}

function whyHeaderIsRefused(bytes: Buffer): string | undefined {
  const header = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
  if (Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) return 'an extension'
  if (typeof header.alg !== 'string') return 'no algorithm'
  if (Object.hasOwn(header, 'kid') && (typeof header.kid !== 'string' || header.kid.length > 256))
    return 'a kid of another type'
  return Object.hasOwn(header, 'typ') && typeof header.typ !== 'string' ? 'a typ of another type' : undefined
}

/** Member names in valid JSON text, by a walk over its characters. */
function countNames(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '"') continue
    for (at += 1; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1
    if (
      text
        .slice(at + 1)
        .trimStart()
        .startsWith(':')
    )
      count += 1
  }
  return count
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const children: unknown[] = Object.values(value)
  return (
    (Array.isArray(value) ? 0 : children.length) + children.reduce((sum: number, child) => sum + countMembers(child), 0)
  )
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Object.values(value).reduce((deepest: number, child) => Math.max(deepest, depthOf(child)), 0)
}

function isSameHeader({ header }: UnverifiedJwt, byJose: object | undefined): boolean {
  const { alg, kid, typ } = (byJose ?? {}) as Record<string, unknown>
  return header.alg === alg && header.kid === kid && header.typ === typ
}

function isRoundTrip(token: string, { signingInput, signature, encodedPayload, compact }: UnverifiedJwt): boolean {
  const [, payload = ''] = token.split('.')
  return withSignature(signingInput, signature) === token && compact === token && encodedPayload === payload
}
