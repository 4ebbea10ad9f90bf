/** One value of DER (X.690 §8.1). */
export interface DerValue {
  /** The identifier octet: class, form and number. */
  tag: number
  contents: Buffer
  /** The whole value, with tag and length. */
  encoding: Buffer
}

export const DER_TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** These bits mark a tag of several octets. No certificate has such a tag. */
const LONG_TAG = 0x1f
const MAX_LENGTH_OCTETS = 4
/** An arc above this is not exact as a number. */
const MAX_ARC = 2 ** 45

/**
 * The values that follow each other in these bytes. Only the one encoding that DER permits is read (X.690 §10.1).
 *
 * @throws RangeError for anything else
 */
export function readDerValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const value = readDerValue(bytes.subarray(at))
    values.push(value)
    at += value.encoding.length
  }
  return values
}

/**
 * The members of a constructed value with this tag.
 *
 * @throws RangeError if it is missing or something else
 */
export function derMembersOf(value: DerValue | undefined, tag: number): DerValue[] {
  return readDerValues(derContentsOf(value, tag))
}

/** @throws RangeError if it is missing or something else */
export function derContentsOf(value: DerValue | undefined, tag: number): Buffer {
  if (value?.tag !== tag) throw new RangeError('The DER value has another tag')
  return value.contents
}

/**
 * An object identifier in dotted decimal (X.690 §8.19).
 *
 * @throws RangeError if it is malformed
 */
export function derObjectIdentifier(value: DerValue | undefined): string {
  const arcs: number[] = []
  let arc = 0
  let isWithinArc = false
  for (const octet of derContentsOf(value, DER_TAGS.objectIdentifier)) {
    if ((!isWithinArc && octet === 0x80) || arc > MAX_ARC) throw new RangeError('The object identifier is malformed')
    arc = arc * 0x80 + (octet & 0x7f)
    isWithinArc = octet >= 0x80
    if (isWithinArc) continue
    arcs.push(arc)
    arc = 0
  }
  const [first, ...others] = arcs
  if (isWithinArc || first === undefined) throw new RangeError('The object identifier is malformed')
  const root = Math.min(Math.floor(first / 40), 2)
  return [root, first - 40 * root, ...others].join('.')
}

function readDerValue(bytes: Buffer): DerValue {
  const [tag, first] = bytes
  if (tag === undefined || first === undefined || (tag & LONG_TAG) === LONG_TAG) {
    throw new RangeError('The DER value has no tag or no length')
  }
  const octets = first < 0x80 ? 0 : first & 0x7f
  const start = 2 + octets
  if (octets > MAX_LENGTH_OCTETS || first === 0x80 || start > bytes.length) {
    throw new RangeError('The DER value has no definite length')
  }
  const length = octets === 0 ? first : bytes.readUIntBE(2, octets)
  const isShortest = octets === 0 || (length >= 0x80 && length >= 2 ** (8 * (octets - 1)))
  if (!isShortest || length > bytes.length - start) throw new RangeError('The DER value has a wrong length')
  const end = start + length
  return { tag, contents: bytes.subarray(start, end), encoding: bytes.subarray(0, end) }
}
