import { constants, createHash, type KeyObject, privateEncrypt } from 'node:crypto'

/** One DER element of a DigestInfo: a primitive with its content, or a sequence. */
export interface DerElement {
  name: string
  tag: number
  content: Buffer | readonly DerElement[]
}

/** How one element is written in another way than DER has it; `tag` and `content` are what DER would write. */
export type DerMutation = (element: { tag: number; content: Buffer }) => Buffer

const OIDS = {
  sha1: '2b0e03021a',
  sha256: '608648016503040201',
  sha384: '608648016503040202',
  sha512: '608648016503040203',
}
export type DigestName = keyof typeof OIDS

/** RFC 8017 §9.2, note 1. */
export function digestInfo(oidOf: DigestName, digest: Buffer): DerElement {
  return {
    name: 'the outer sequence',
    tag: 0x30,
    content: [
      {
        name: 'the algorithm',
        tag: 0x30,
        content: [
          { name: 'the OID', tag: 0x06, content: Buffer.from(OIDS[oidOf], 'hex') },
          { name: 'the NULL', tag: 0x05, content: Buffer.alloc(0) },
        ],
      },
      { name: 'the digest', tag: 0x04, content: digest },
    ],
  }
}

/** DER, but for the element of this name. */
export function encodeDer(element: DerElement, mutated?: string, mutate?: DerMutation): Buffer {
  const { tag, name } = element
  const content = Buffer.isBuffer(element.content)
    ? element.content
    : Buffer.concat(element.content.map((each) => encodeDer(each, mutated, mutate)))
  return name === mutated && mutate !== undefined ? mutate({ tag, content }) : tlv(tag, content)
}

export function tlv(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag, content.length), content])
}

/** EMSA-PKCS1-v1_5 (RFC 8017 §9.2): the padding in front of what stands at the end. */
export function padPkcs1(bytes: number, end: Buffer, head: readonly number[] = [0, 1], filler = 0xff): Buffer {
  const padding = Buffer.alloc(Math.max(0, bytes - head.length - 1 - end.length), filler)
  return Buffer.concat([Buffer.from(head), padding, Buffer.of(0), end])
}

export interface PssEncoding {
  hash: DigestName
  mgfHash?: DigestName
  salt: Buffer
  /** Changes `mHash`, the hash of the message, before it is hashed with the salt. */
  digest?: (digest: Buffer) => Buffer
  /** Changes `H`. */
  hashed?: (hashed: Buffer) => Buffer
  /** Changes `DB`, before it is masked. */
  block?: (block: Buffer) => Buffer
  /** Changes the whole encoded message. */
  encoded?: (encoded: Buffer) => Buffer
}

/** EMSA-PSS (RFC 8017 §9.1.1) for a modulus of `bytes` bytes, of which the first bit is set. */
export function encodePss(bytes: number, message: Buffer, how: PssEncoding): Buffer {
  const { hash, mgfHash = hash, salt, digest = same, hashed = same, block = same, encoded = same } = how
  const mHash = digest(createHash(hash).update(message).digest())
  const h = hashed(createHash(hash).update(Buffer.alloc(8)).update(mHash).update(salt).digest())
  const padding = Buffer.alloc(bytes - salt.length - h.length - 2)
  const db = block(Buffer.concat([padding, Buffer.of(1), salt]))
  const mask = maskOf(mgfHash, h, db.length)
  const masked = Buffer.from(db.map((byte, index) => byte ^ (mask[index] ?? 0)))
  masked[0] = (masked[0] ?? 0) & 0x7f
  return encoded(Buffer.concat([masked, h, Buffer.of(0xbc)]))
}

/** The private operation alone (RFC 8017 §5.2.1), of a number below the modulus. */
export function signRaw(privateKey: KeyObject, encoded: Buffer): Buffer {
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded)
}

/** MGF1 (RFC 8017 §B.2.1). */
function maskOf(hash: DigestName, seed: Buffer, length: number): Buffer {
  const parts: Buffer[] = []
  for (let counter = 0; parts.length * 20 < length + 64; counter += 1) {
    const index = Buffer.alloc(4)
    index.writeUInt32BE(counter)
    parts.push(createHash(hash).update(seed).update(index).digest())
  }
  return Buffer.concat(parts).subarray(0, length)
}

const same = (bytes: Buffer) => bytes
