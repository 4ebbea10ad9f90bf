import { createPublicKey, sign } from 'node:crypto'
import { compactVerify, importJWK, type JWK } from 'jose'
import { parseJwt } from '../../../src/jwt/parse-jwt.js'
import { isSignedBy } from '../../../src/jwt/signatures.js'
import { readKeySet } from '../../../src/verification-keys/key-set.js'
import { readUsableKey } from '../../../src/verification-keys/usable-key.js'
import { signingInputOf, withSignature } from '../../support/compact-jws.js'
import { generatePair } from '../../support/generate-pair.js'
import { type FuzzTarget, hold } from '../fuzz-target.js'

const PAIRS = {
  ES256: generatePair('ec', { namedCurve: 'P-256' }),
  EdDSA: generatePair('ed25519'),
  RS256: generatePair('rsa', { modulusLength: 2048 }),
}
type Algorithm = keyof typeof PAIRS

/** Reasons to skip a key that jose imports: rules of ours. */
const SKIPPED = [
  'not_an_object',
  'invalid_kid',
  'private_or_symmetric',
  'not_for_signatures',
  'unsupported_algorithm',
  'unsupported_key_type',
  'algorithm_mismatch',
  'invalid_key',
  'rsa_too_small',
  'rsa_too_large',
  'rsa_exponent_too_small_or_even',
  'rsa_exponent_too_large',
  'certificate_mismatch',
  'x5c_only',
  'jwt_svid',
]

/** Any JSON as a published key, and a token that a good key signed. */
export function keySetTarget(): FuzzTarget {
  const tokens = Object.keys(PAIRS).map((alg) => tokenOf(alg as Algorithm))
  return {
    name: 'readKeySet, against jose',
    seeds: [
      ...Object.values(PAIRS).map(({ publicKey }) =>
        JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig' }),
      ),
      '[]',
      '{"keys":[]}',
    ],
    words: [
      'kty',
      'crv',
      'P-256',
      'P-384',
      'Ed25519',
      'OKP',
      'RSA',
      'EC',
      'oct',
      'alg',
      'use',
      'key_ops',
      'jwt-svid',
      'verify',
      'x5c',
      'AQAB',
      'AQ',
      'n',
      'e',
      'x',
      'y',
      'd',
      '"x5c":[],',
      '"alg":"ES256",',
      '"e":"Aw",',
    ],
    check: async (input) => {
      const member = parseLoosely(input.toString('utf8'))
      if (member === undefined) return
      checkSkipped(member)
      for (const token of tokens) await compareWithJose(member, token)
    },
  }
}

function tokenOf(alg: Algorithm): string {
  const input = signingInputOf({ alg }, { sub: 'alice' })
  const key = { key: PAIRS[alg].privateKey, dsaEncoding: 'ieee-p1363' as const }
  return withSignature(input, sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(input), key))
}

function parseLoosely(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function checkSkipped(member: unknown): void {
  const { keySet, skipped } = readKeySet(Array.isArray(member) ? member : [member])
  hold(
    skipped.every((each) => SKIPPED.includes(each.skipped)),
    'the reason is one of the documented ones',
  )
  const key = readUsableKey(member)
  if (!('publicKey' in key)) return
  hold(keySet !== undefined, 'a usable key makes a usable set')
  const der = key.publicKey.export({ type: 'spki', format: 'der' })
  const again = createPublicKey({ key: der, type: 'spki', format: 'der' }).export({ format: 'jwk' })
  hold('publicKey' in readUsableKey(again), 'a usable key is usable again')
  hold(key.publicKey.type === 'public', 'a usable key is a public one')
}

async function compareWithJose(member: unknown, token: string): Promise<void> {
  const jwt = parseJwt(token, 10_000)
  const keys = readKeySet([member]).keySet?.find(jwt.header) ?? []
  let isOurs = false
  for (const key of keys) isOurs ||= await isSignedBy(key, jwt)
  if (isOurs) hold(await isAcceptedByJose(member as JWK, token, jwt.header.alg), 'what is accepted is accepted by jose')
}

/** Without what jose does not read, or reads more strictly: the members that make the key alone. */
async function isAcceptedByJose({ kty, crv, n, e, x, y }: JWK, token: string, alg: string): Promise<boolean> {
  const unpadded = Object.entries({ n, e, x, y }).flatMap(([name, text]) =>
    typeof text === 'string' ? [[name, toBase64url(text)]] : [],
  )
  const jwk = { kty, ...(crv !== undefined && { crv }), ...Object.fromEntries(unpadded) } as JWK
  try {
    await compactVerify(token, await importJWK(jwk, alg))
    return true
  } catch {
    return false
  }
}

const toBase64url = (text: string) => Buffer.from(text, 'base64').toString('base64url')
