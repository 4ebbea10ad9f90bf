/** The curve of Ed25519 (RFC 8032 §5.1), written from its equations: -x² + y² = 1 + d·x²·y² modulo p. Slow, for tests. */
export interface Point {
  x: bigint
  y: bigint
}

export const P = 2n ** 255n - 19n
/** The order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n
const D = modulo(-121665n * inverse(121666n))
const IDENTITY: Point = { x: 0n, y: 1n }

/** The eight points of small order: what is left of points when the prime part of their order is taken away. */
export function pointsOfSmallOrder(): Point[] {
  const found = new Map<bigint, Point>()
  for (let y = 2n; found.size < 8; y += 1n) {
    const x = findX(y)
    if (x === undefined) continue
    const generator = multiply({ x, y }, L)
    let multiple = generator
    for (let count = 0; count < 8; count += 1) {
      found.set(multiple.x * P + multiple.y, multiple)
      multiple = add(multiple, generator)
    }
  }
  return [...found.values()]
}

/** 32 bytes, little-endian, with the sign of x in the highest bit; y need not be below p. */
export function encode(y: bigint, sign: bigint): Buffer {
  const hex = (y + (sign << 255n)).toString(16).padStart(64, '0')
  return Buffer.from(hex, 'hex').reverse()
}

/** One of the two x of a y; undefined if the curve has no point there. */
export function findX(y: bigint): bigint | undefined {
  const square = modulo((y * y - 1n) * inverse(D * y * y + 1n))
  const root = power(square, (P + 3n) / 8n)
  const candidates = [root, modulo(root * power(2n, (P - 1n) / 4n))]
  return candidates.find((x) => modulo(x * x) === square)
}

function multiply(point: Point, scalar: bigint): Point {
  let [result, doubled] = [IDENTITY, point]
  for (let rest = scalar; rest > 0n; rest /= 2n) {
    if (rest % 2n === 1n) result = add(result, doubled)
    doubled = add(doubled, doubled)
  }
  return result
}

function add(one: Point, other: Point): Point {
  const product = D * one.x * other.x * one.y * other.y
  return {
    x: modulo((one.x * other.y + other.x * one.y) * inverse(1n + product)),
    y: modulo((one.y * other.y + one.x * other.x) * inverse(1n - product)),
  }
}

function inverse(value: bigint): bigint {
  return power(value, P - 2n)
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, modulo(base)]
  for (let rest = exponent; rest > 0n; rest /= 2n) {
    if (rest % 2n === 1n) result = (result * square) % P
    square = (square * square) % P
  }
  return result
}

function modulo(value: bigint): bigint {
  return ((value % P) + P) % P
}
