import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { CompactSign, compactVerify, jwtVerify } from 'jose'
import { ASYMMETRIC_ALGORITHMS, quickSigningScheme, quickVerificationScheme } from '../../../src/jwt/algorithms.js'
import { parseJwt } from '../../../src/jwt/parse-jwt.js'
import { createJwtSigner, isSignedBy } from '../../../src/jwt/signatures.js'
import { generatePair } from '../../support/generate-pair.js'
import { SIGNATURES_WITH_ZERO } from '../../support/signatures-with-zero.js'

const PAIRS = {
  'RSA of 2048 bits': generatePair('rsa', { modulusLength: 2048 }),
  'RSA of 4096 bits': generatePair('rsa', { modulusLength: 4096 }),
  'RSA of 4104 bits': generatePair('rsa', { modulusLength: 4104 }),
  'P-256': generatePair('ec', { namedCurve: 'P-256' }),
  'P-384': generatePair('ec', { namedCurve: 'P-384' }),
  'P-521': generatePair('ec', { namedCurve: 'P-521' }),
  Ed25519: generatePair('ed25519'),
}
/** Keys that no algorithm is for. */
const FOREIGN_PAIRS = {
  'RSA of 1024 bits': generatePair('rsa', { modulusLength: 1024 }),
  secp256k1: generatePair('ec', { namedCurve: 'secp256k1' }),
  Ed448: generatePair('ed448'),
  X25519: generatePair('x25519'),
}
type KeyName = keyof typeof PAIRS

const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const ALGORITHMS_OF: Readonly<Record<KeyName, readonly string[]>> = {
  'RSA of 2048 bits': RSA_ALGORITHMS,
  'RSA of 4096 bits': RSA_ALGORITHMS,
  'RSA of 4104 bits': RSA_ALGORITHMS,
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
}
const KEY_NAMES = Object.keys(PAIRS) as KeyName[]
const SUITED = KEY_NAMES.flatMap((name) => ALGORITHMS_OF[name].map((algorithm) => [algorithm, name] as const))
const QUICK = ['RSA of 2048 bits', 'RSA of 4096 bits', 'P-256', 'Ed25519']
const ALL_KEYS = Object.entries({ ...PAIRS, ...FOREIGN_PAIRS })

const encode = (part: Buffer | string) => Buffer.from(part).toString('base64url')
const tokenOf = (algorithm: string, signature: Buffer | string) =>
  `${encode(JSON.stringify({ alg: algorithm }))}.${encode('{"sub":"alice"}')}.${encode(signature)}`

function signByJose(algorithm: string, key: KeyObject, payload = '{"sub":"alice"}'): Promise<string> {
  return new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: algorithm }).sign(key)
}

/**
 * With a first byte that is not zero: without one that is, jose accepts a signature by PSS, and we do not. Another payload
 * each time, because some algorithms make the same signature again.
 */
async function signByJoseWithoutZero(algorithm: string, key: KeyObject, count = 0): Promise<string> {
  const token = await signByJose(algorithm, key, JSON.stringify({ count }))
  const [, , signature = ''] = token.split('.')
  return Buffer.from(signature, 'base64url')[0] === 0 ? signByJoseWithoutZero(algorithm, key, count + 1) : token
}

function verdict(key: KeyObject, token: string): boolean | Promise<boolean> {
  return isSignedBy(key, parseJwt(token, 100_000))
}

/** What jose says, which is what we must say. */
function verdictOfJose(key: KeyObject, token: string): Promise<boolean> {
  return compactVerify(token, key, { algorithms: [...ASYMMETRIC_ALGORITHMS] }).then(
    () => true,
    () => false,
  )
}

/** The same token with each byte of its signature changed in turn, shortened, prolonged, empty of meaning. */
function withOtherSignatures(token: string): string[] {
  const [header, payload, encoded = ''] = token.split('.')
  const signature = Buffer.from(encoded, 'base64url')
  const half = Math.floor(signature.length / 2)
  const changed = [0, 1, half - 1, half, signature.length - 1].map((at) => {
    const copy = Buffer.from(signature)
    copy.writeUInt8(copy.readUInt8(at) ^ 1, at)
    return copy
  })
  const others = [
    ...changed,
    signature.subarray(1),
    signature.subarray(0, -1),
    Buffer.concat([signature, Buffer.alloc(1)]),
    Buffer.concat([Buffer.alloc(1), signature]),
    Buffer.concat([signature, signature]),
    Buffer.alloc(signature.length),
    Buffer.alloc(signature.length, 0xff),
    Buffer.from('x'),
  ]
  return others.map((other) => `${header}.${payload}.${encode(other)}`)
}

describe('a signature', () => {
  it.each(SUITED)('of jose by %s with %s is accepted', async (algorithm, name) => {
    const token = await signByJose(algorithm, PAIRS[name].privateKey)
    expect(await verdict(PAIRS[name].publicKey, token)).toBe(true)
  })

  it.each(SUITED)('by %s with %s is refused when it is altered, cut off or prolonged', async (algorithm, name) => {
    const { publicKey, privateKey } = PAIRS[name]
    for (const token of withOtherSignatures(await signByJoseWithoutZero(algorithm, privateKey))) {
      expect([token, await verdict(publicKey, token)]).toEqual([token, false])
      expect(await verdictOfJose(publicKey, token)).toBe(false)
    }
  })

  const withZero = Object.entries(SIGNATURES_WITH_ZERO).flatMap(([name, { n, ...tokens }]) =>
    Object.entries(tokens).map(([algorithm, token]) => ({ algorithm, name, n, token })),
  )
  it.each(withZero)(
    'by $algorithm with $name is refused without the zero that it begins with, though the number is the same (RFC 8017 §8.1.2, §8.2.2)',
    async ({ n, token }) => {
      const key = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' })
      const [header, payload, encoded = ''] = token.split('.')
      const signature = Buffer.from(encoded, 'base64url')
      expect([signature[0], await verdict(key, token)]).toEqual([0, true])
      expect(await verdict(key, `${header}.${payload}.${encode(signature.subarray(1))}`)).toBe(false)
    },
  )

  it.each(SUITED)('by %s with %s is refused over another header or payload', async (algorithm, name) => {
    const { publicKey, privateKey } = PAIRS[name]
    const [header, payload, signature] = (await signByJose(algorithm, privateKey)).split('.')
    expect(await verdict(publicKey, `${header}.${encode('{"sub":"mallory"}')}.${signature}`)).toBe(false)
    const otherHeader = encode(JSON.stringify({ alg: algorithm, kid: 'k' }))
    expect(await verdict(publicKey, `${otherHeader}.${payload}.${signature}`)).toBe(false)
  })

  it.each(SUITED)('by %s with %s is refused of another key of the same kind', async (algorithm, name) => {
    const token = await signByJose(algorithm, PAIRS[name].privateKey)
    for (const [other, { publicKey }] of ALL_KEYS) {
      if (other !== name) expect([other, await verdict(publicKey, token)]).toEqual([other, false])
    }
  })

  it.each(SUITED)(
    'by %s with %s is refused under each other algorithm that the header may name',
    async (algorithm, name) => {
      const { publicKey, privateKey } = PAIRS[name]
      for (const other of [...ASYMMETRIC_ALGORITHMS, 'none', 'HS256', 'toString', '__proto__', '']) {
        const isSame = other === algorithm || (name === 'Ed25519' && ALGORITHMS_OF[name].includes(other))
        if (isSame) continue
        const [, , signature = ''] = (await signByJose(algorithm, privateKey)).split('.')
        const token = tokenOf(other, Buffer.from(signature, 'base64url'))
        expect([other, await verdict(publicKey, token)]).toEqual([other, false])
      }
    },
  )

  it.each(ALL_KEYS)(
    'that the header says is of another kind than %s is refused as jose refuses it',
    async (_, pair) => {
      for (const algorithm of ASYMMETRIC_ALGORITHMS) {
        for (const size of [0, 1, 64, 132, 256, 512]) {
          if (size === 0) continue
          const token = tokenOf(algorithm, Buffer.alloc(size, 1))
          expect(await verdict(pair.publicKey, token)).toBe(false)
          expect(await verdictOfJose(pair.publicKey, token)).toBe(false)
        }
      }
    },
  )

  it('of ECDSA in DER is refused (RFC 7518 §3.4)', async () => {
    const { publicKey, privateKey } = PAIRS['P-256']
    const [signingInput] = tokenOf('ES256', 'x').split(/\.(?=[^.]*$)/)
    const der = sign('sha256', Buffer.from(signingInput ?? ''), privateKey)
    const raw = sign('sha256', Buffer.from(signingInput ?? ''), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    expect(await verdict(publicKey, tokenOf('ES256', raw))).toBe(true)
    expect(await verdict(publicKey, tokenOf('ES256', der))).toBe(false)
  })

  it.each([0, 20, 31, 33, 222])('of PS256 with a salt of %i bytes is refused (RFC 7518 §3.5)', async (saltLength) => {
    const { publicKey, privateKey } = PAIRS['RSA of 2048 bits']
    const [signingInput] = tokenOf('PS256', 'x').split(/\.(?=[^.]*$)/)
    const signature = sign('sha256', Buffer.from(signingInput ?? ''), { key: privateKey, padding: 6, saltLength })
    expect(await verdict(publicKey, tokenOf('PS256', signature))).toBe(false)
    const right = sign('sha256', Buffer.from(signingInput ?? ''), { key: privateKey, padding: 6, saltLength: 32 })
    expect(await verdict(publicKey, tokenOf('PS256', right))).toBe(true)
  })

  it('is verified as jose verifies it, for any bytes', async () => {
    const tokens = await Promise.all(SUITED.map(([algorithm, name]) => signByJose(algorithm, PAIRS[name].privateKey)))
    const change = fc.record({
      of: fc.nat(SUITED.length - 1),
      at: fc.nat(1023),
      by: fc.nat(255),
      cut: fc.nat(2),
    })
    await fc.assert(
      fc.asyncProperty(change, async ({ of, at, by, cut }) => {
        const [header, payload, encoded = ''] = (tokens[of] ?? '').split('.')
        const bytes = Buffer.from(encoded, 'base64url')
        bytes.writeUInt8(bytes.readUInt8(at % bytes.length) ^ by, at % bytes.length)
        const token = `${header}.${payload}.${encode(bytes.subarray(0, bytes.length - cut))}`
        const { publicKey } = PAIRS[SUITED[of]?.[1] ?? 'P-256']
        expect(await verdict(publicKey, token)).toBe(await verdictOfJose(publicKey, token))
      }),
      { numRuns: 500 },
    )
  })

  it('that is refused leaves no error behind for the next signature', () => {
    const { publicKey, privateKey } = PAIRS['P-256']
    for (const token of [tokenOf('ES256', Buffer.alloc(64)), tokenOf('ES256', Buffer.alloc(64, 255))]) {
      for (const key of [publicKey, PAIRS['RSA of 2048 bits'].publicKey]) void verdict(key, token)
    }
    void verdict(PAIRS['RSA of 2048 bits'].publicKey, tokenOf('PS256', Buffer.alloc(256, 255)))
    expect(sign('sha256', Buffer.from('x'), privateKey).length).toBeGreaterThan(60)
    expect(createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' })).type).toBe('private')
  })
})

describe('the examples of the RFCs', () => {
  const verify = (jwk: JsonWebKey, algorithm: string, jws: string) => {
    const [header = '', payload = '', signature = ''] = jws.split('.')
    return isSignedBy(createPublicKey({ key: jwk, format: 'jwk' }), {
      header: { alg: algorithm },
      encodedPayload: payload,
      signingInput: `${header}.${payload}`,
      signature: Buffer.from(signature, 'base64url'),
      compact: jws,
    })
  }
  const PAYLOAD = 'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

  it('RFC 7515 A.2, RS256', () => {
    const n =
      'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ'
    const signature =
      'cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw'
    expect(verify({ kty: 'RSA', n, e: 'AQAB' }, 'RS256', `eyJhbGciOiJSUzI1NiJ9.${PAYLOAD}.${signature}`)).toBe(true)
  })

  it('RFC 7515 A.3, ES256', () => {
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    }
    const signature = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q'
    expect(verify(jwk, 'ES256', `eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.${signature}`)).toBe(true)
  })

  it.each(['EdDSA', 'Ed25519'])('RFC 8037 A.4, %s', (algorithm) => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
    const jws =
      'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'
    expect(verify(jwk, algorithm, jws)).toBe(true)
  })
})

describe('a verification', () => {
  it.each(SUITED)('by %s with %s blocks the main thread only if it is quick', (algorithm, name) => {
    const { modulusLength = 512 } = PAIRS[name].publicKey.asymmetricKeyDetails ?? {}
    const token = parseJwt(tokenOf(algorithm, Buffer.alloc(Math.ceil(modulusLength / 8), 'x')), 1000)
    const outcome = isSignedBy(PAIRS[name].publicKey, token)
    expect(typeof outcome === 'boolean').toBe(QUICK.includes(name))
    expect(quickVerificationScheme(PAIRS[name].publicKey, algorithm) !== undefined).toBe(QUICK.includes(name))
  })

  it.each(ALL_KEYS)('with %s is not quick by an algorithm that does not suit it', (name, { publicKey }) => {
    const own: readonly string[] = name in PAIRS ? ALGORITHMS_OF[name as KeyName] : []
    for (const algorithm of [...ASYMMETRIC_ALGORITHMS, 'none', 'HS256', 'toString', '__proto__', 'constructor', '']) {
      if (!own.includes(algorithm)) expect(quickVerificationScheme(publicKey, algorithm)).toBeUndefined()
      if (!own.includes(algorithm)) expect(quickSigningScheme(publicKey, algorithm)).toBeUndefined()
    }
  })
})

describe('a JWT that is signed here', () => {
  const CLAIMS = { sub: 'Zoë 𝒜 "\\', aud: ['a', 'b'], exp: 4_102_444_800, nested: { n: 1.5 } }

  it.each([
    ['ES256', 'P-256', true],
    ['EdDSA', 'Ed25519', true],
    ['RS256', 'RSA of 2048 bits', false],
    ['PS256', 'RSA of 2048 bits', false],
  ] as const)('by %s with %s is what jose verifies, header and claims', async (alg, name, isQuick) => {
    const header = { alg, typ: 'at+jwt', kid: 'k' }
    const token = createJwtSigner(header, PAIRS[name].privateKey)(CLAIMS)
    expect(typeof token === 'string').toBe(isQuick)
    const { payload, protectedHeader } = await jwtVerify(await token, PAIRS[name].publicKey)
    expect([protectedHeader, payload]).toEqual([header, CLAIMS])
    expect(await verdict(PAIRS[name].publicKey, await token)).toBe(true)
  })

  it('has another signature each time by ES256', () => {
    const signJwt = createJwtSigner({ alg: 'ES256', typ: 'at+jwt', kid: 'k' }, PAIRS['P-256'].privateKey)
    expect(new Set(Array.from({ length: 20 }, () => signJwt(CLAIMS))).size).toBe(20)
  })
})
