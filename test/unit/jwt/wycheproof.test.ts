import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { isAsymmetricAlgorithm, quickVerificationScheme } from '../../../src/jwt/algorithms.js'
import { parseJwt, type UnverifiedJwt } from '../../../src/jwt/parse-jwt.js'
import { isSignedBy } from '../../../src/jwt/signatures.js'
import { type KeySet, readKeySet } from '../../../src/verification-keys/key-set.js'
import { readUsableKey } from '../../../src/verification-keys/usable-key.js'

/** The folder `testvectors_v1` of a copy of Project Wycheproof. It is not part of this repository, and CI has none. */
const FOLDER = process.env.WYCHEPROOF ?? ''

interface Vector {
  tcId: number
  result: 'valid' | 'invalid' | 'acceptable'
}
interface JwsGroup {
  public?: Record<string, unknown>
  private?: Record<string, unknown>
  tests: (Vector & { jws: string })[]
}
interface SignatureGroup {
  publicKeyDer: string
  tests: (Vector & { msg: string; sig: string })[]
}

const JWS_FILES = ['json_web_signature_test', 'json_web_key_test']
/** Valid vectors with a public key that are refused nevertheless, with the rule of ours that refuses them. */
const REFUSED_THOUGH_VALID: Readonly<Record<string, string>> = {
  'json_web_signature_test 346': 'the key is for PS256, the signature by PS384 (RFC 7517 §4.4)',
  'json_web_signature_test 350': 'the key is for PS256, the signature by PS384 (RFC 7517 §4.4)',
  'json_web_signature_test 347': 'the alg of the key is ES521, which does not exist',
  'json_web_signature_test 351': 'the alg of the key is ES521, which does not exist',
}
/** Signatures over any bytes, by algorithms that `node:crypto` verifies here. */
const SIGNATURE_FILES = [
  ['ES256', 'ecdsa_secp256r1_sha256_p1363_test'],
  ['Ed25519', 'ed25519_test'],
  ['EdDSA', 'ed25519_test'],
  ['RS256', 'rsa_signature_2048_sha256_test'],
  ['RS384', 'rsa_signature_2048_sha384_test'],
  ['RS512', 'rsa_signature_2048_sha512_test'],
  ['RS256', 'rsa_signature_3072_sha256_test'],
  ['RS384', 'rsa_signature_3072_sha384_test'],
  ['RS512', 'rsa_signature_3072_sha512_test'],
  ['RS256', 'rsa_signature_4096_sha256_test'],
  ['RS384', 'rsa_signature_4096_sha384_test'],
  ['RS512', 'rsa_signature_4096_sha512_test'],
  ['PS256', 'rsa_pss_2048_sha256_mgf1_32_test'],
  ['PS384', 'rsa_pss_2048_sha384_mgf1_48_test'],
  ['PS256', 'rsa_pss_3072_sha256_mgf1_32_test'],
  ['PS256', 'rsa_pss_4096_sha256_mgf1_32_test'],
  ['PS384', 'rsa_pss_4096_sha384_mgf1_48_test'],
  ['PS512', 'rsa_pss_4096_sha512_mgf1_64_test'],
] as const

function readGroups<Group>(file: string): Group[] {
  return JSON.parse(readFileSync(join(FOLDER, `${file}.json`), 'utf8')).testGroups
}

/** The keys of a group as an identity provider would publish them: the public ones, or a secret by mistake. */
function keySetOf({ public: published, private: secret }: JwsGroup): KeySet | undefined {
  const jwks = published ?? secret ?? {}
  return readKeySet(Array.isArray(jwks.keys) ? jwks.keys : [jwks]).keySet
}

/** As an assertion is read, except for its payload: the payloads of the vectors are not claims. */
function readJws(jws: string): UnverifiedJwt | undefined {
  const [header = '', encodedPayload = '', signature = '', ...rest] = jws.split('.')
  if (rest.length > 0) return undefined
  try {
    const jwt = parseJwt(`${header}.e30.${signature}`, 100_000)
    return { ...jwt, encodedPayload, signingInput: `${header}.${encodedPayload}`, compact: jws }
  } catch (error) {
    if (error instanceof Error && error.name === 'TokenRejected') return undefined
    throw error
  }
}

async function isAccepted(jws: string, keySet: KeySet | undefined): Promise<boolean> {
  const jwt = readJws(jws)
  if (jwt === undefined || !isAsymmetricAlgorithm(jwt.header.alg)) return false
  for (const key of keySet?.find(jwt.header) ?? []) if (await isSignedBy(key, jwt)) return true
  return false
}

/** The numbers of the vectors that are not judged as the file says. */
async function misjudgedJws(file: string): Promise<string[]> {
  const misjudged: string[] = []
  for (const group of readGroups<JwsGroup>(file)) {
    const keySet = keySetOf(group)
    for (const { tcId, jws, result } of group.tests) {
      const vector = `${file} ${tcId}`
      const isExpected = result === 'valid' && group.public !== undefined && !(vector in REFUSED_THOUGH_VALID)
      if ((await isAccepted(jws, keySet)) !== isExpected) misjudged.push(`${vector} (${result})`)
    }
  }
  return misjudged
}

function usableKeyOf({ publicKeyDer }: SignatureGroup): KeyObject | undefined {
  const publicKey = createPublicKey({ key: Buffer.from(publicKeyDer, 'hex'), format: 'der', type: 'spki' })
  const key = readUsableKey(publicKey.export({ format: 'jwk' }))
  return 'publicKey' in key ? key.publicKey : undefined
}

async function misjudgedSignatures(alg: string, file: string): Promise<string[]> {
  const misjudged: string[] = []
  for (const group of readGroups<SignatureGroup>(file)) {
    const key = usableKeyOf(group)
    for (const { tcId, msg, sig, result } of group.tests) {
      const signingInput = Buffer.from(msg, 'hex').toString('latin1')
      const jwt = { header: { alg }, payload: {}, encodedPayload: '', signingInput, compact: '' }
      const signature = Buffer.from(sig, 'hex')
      const isQuick = key !== undefined && quickVerificationScheme(key, alg) !== undefined
      const isValid = isQuick && (await isSignedBy(key, { ...jwt, signature }))
      if (isValid !== (result === 'valid')) misjudged.push(`${file} ${tcId} (${result})`)
    }
  }
  return misjudged
}

const describeWithVectors = FOLDER === '' ? describe.skip : describe

describeWithVectors('the vectors of Project Wycheproof in the folder that WYCHEPROOF names', () => {
  it.each(JWS_FILES)('of %s are judged as it says, except that symmetric keys are refused', async (file) => {
    expect(await misjudgedJws(file)).toEqual([])
  })

  it.each(SIGNATURE_FILES)('of %s signatures in %s are judged as it says', async (alg, file) => {
    expect(await misjudgedSignatures(alg, file)).toEqual([])
  })
})
