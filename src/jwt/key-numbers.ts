import { MIN_RSA_BITS } from './algorithms.js'

/** Why an RSA key is not used. */
export type RsaFault =
  | 'invalid_key'
  | 'rsa_too_small'
  | 'rsa_too_large'
  | 'rsa_exponent_too_small_or_even'
  | 'rsa_exponent_too_large'

const MAX_RSA_BITS = 8192
/** OpenSSL refuses exponents of more than 64 bits for large moduli; real ones are 3, 17 and 65 537. */
const MAX_RSA_EXPONENT = 2n ** 32n
/** A modulus has no factor below this (NIST SP 800-89 §5.3.3). */
const MIN_RSA_FACTOR = 752
const SMALL_PRIMES = primesBelow(MIN_RSA_FACTOR).map(BigInt)
const PRODUCT_OF_SMALL_PRIMES = SMALL_PRIMES.reduce((product, prime) => product * prime)
/** The moduli of Infineon chips are powers of 65537 modulo each prime up to this, for keys of 2048 bits or more. */
const MAX_ROCA_PRIME = 701
/** Tab, line feed, carriage return and printable ASCII. */
const TEXT = /^[\t\n\r\x20-\x7e]*$/
/** The beginning of SPKI, PKCS #1 and certificates: a DER sequence of 256 to 65 535 bytes. */
const DER_SEQUENCE = 0x3082

/** The prime of the field of Ed25519 (RFC 8032 §5.1). */
const P = 2n ** 255n - 19n
const WITHOUT_SIGN = 2n ** 255n - 1n
/** The constant d of the curve is -121665 / 121666. */
const [D_NUMERATOR, D_DENOMINATOR] = [-121_665n, 121_666n]

/**
 * Why an RSA key is not sound; undefined if it is. The modulus must be an odd number of 2048 to 8192 bits, without a factor
 * below 752, and not a square. It must not come from the Infineon chips whose moduli can be factored (CVE-2017-15361, "ROCA").
 * It must not be text or DER that was used by mistake. Whether its factors are prime takes too long to find out.
 */
export function findRsaFault(modulus: Buffer, publicExponent: Buffer): RsaFault | undefined {
  if (TEXT.test(modulus.toString('latin1')) || isDerSequence(modulus)) return 'invalid_key'
  const [n, e] = [toBigInt(modulus), toBigInt(publicExponent)]
  const bits = n.toString(2).length
  if (bits < MIN_RSA_BITS) return 'rsa_too_small'
  if (bits > MAX_RSA_BITS) return 'rsa_too_large'
  if (e < 3n || e % 2n === 0n) return 'rsa_exponent_too_small_or_even'
  if (e > MAX_RSA_EXPONENT) return 'rsa_exponent_too_large'
  return hasSmallFactor(n) || isSquare(n) || isRoca(n) ? 'invalid_key' : undefined
}

/**
 * Whether bytes are an Ed25519 key that only its holder can sign for: a point of the curve in its only valid encoding
 * (RFC 8032 §5.1.3). The eight points of small order are refused: with them, R = identity and S = 0 verify any message.
 */
export function isSoundEd25519Key(bytes: Buffer): boolean {
  if (bytes.length !== 32) return false
  const y = toBigInt(Buffer.from(bytes).reverse()) & WITHOUT_SIGN
  return y < P && !isOfSmallOrder(y) && isOnEd25519(y)
}

/** Order 1 and 2: y² = 1. Order 4: y = 0. Order 8, whose double has y = 0: d·y⁴ + 2·y² = 1. */
function isOfSmallOrder(y: bigint): boolean {
  const ySquared = (y * y) % P
  const orderEight = D_NUMERATOR * ySquared * ySquared + D_DENOMINATOR * (2n * ySquared - 1n)
  return (y * (ySquared - 1n) * orderEight) % P === 0n
}

/** On the curve, x² = (y² - 1) / (d·y² + 1). A fraction is a square if numerator times denominator is. */
function isOnEd25519(y: bigint): boolean {
  const ySquared = (y * y) % P
  return isSquareModuloP((ySquared - 1n) * D_DENOMINATOR * (D_NUMERATOR * ySquared + D_DENOMINATOR))
}

/** The Jacobi symbol: five times as fast as Euler's criterion. */
function isSquareModuloP(value: bigint): boolean {
  let [a, n, symbol] = [((value % P) + P) % P, P, 1]
  while (a !== 0n) {
    while (a % 2n === 0n) {
      a /= 2n
      if (n % 8n === 3n || n % 8n === 5n) symbol = -symbol
    }
    if (a % 4n === 3n && n % 4n === 3n) symbol = -symbol
    ;[a, n] = [n % a, a]
  }
  return symbol === 1
}

function isDerSequence(bytes: Buffer): boolean {
  return bytes.length > 4 && bytes.readUInt16BE(0) === DER_SEQUENCE && bytes.readUInt16BE(2) === bytes.length - 4
}

/** The primes include 2, so an even modulus is refused. */
function hasSmallFactor(n: bigint): boolean {
  const remainder = n % PRODUCT_OF_SMALL_PRIMES
  return SMALL_PRIMES.some((prime) => remainder % prime === 0n)
}

/** This holds at random for less than one modulus in 2^150. */
function isRoca(n: bigint): boolean {
  const remainder = n % PRODUCT_OF_SMALL_PRIMES
  return SMALL_PRIMES.every(
    (prime) => prime > MAX_ROCA_PRIME || isPowerOf65537(Number(remainder % prime), Number(prime)),
  )
}

function isPowerOf65537(remainder: number, prime: number): boolean {
  let power = 1
  do {
    if (power === remainder) return true
    power = (power * 65_537) % prime
  } while (power !== 1)
  return false
}

/** Newton's method, starting above the root. */
function isSquare(n: bigint): boolean {
  if (n % 8n !== 1n) return false
  let root = 1n << BigInt(Math.ceil(n.toString(2).length / 2))
  for (;;) {
    const next = (root + n / root) / 2n
    if (next >= root) return root * root === n
    root = next
  }
}

function toBigInt(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}

function primesBelow(limit: number): number[] {
  const primes: number[] = []
  for (let each = 2; each < limit; each += 1) if (primes.every((prime) => each % prime !== 0)) primes.push(each)
  return primes
}
