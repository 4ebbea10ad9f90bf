/** One block of PEM text (RFC 7468). */
export interface PemBlock {
  /** Such as `CERTIFICATE` or `EC PRIVATE KEY`. */
  label: string
  /** Including its first and last line. */
  text: string
}

const BEGINNING = '-----BEGIN '
const BLOCK = /-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g

export function holdsPem(text: string): boolean {
  return text.includes(BEGINNING)
}

export function holdsPrivateKey(text: string): boolean {
  return text.includes('PRIVATE KEY-----')
}

/** How many blocks begin in a text, even if they are cut off. */
export function countPemBlocks(text: string): number {
  return text.split(BEGINNING).length - 1
}

/** The blocks in a text; undefined if there is none, or one is incomplete. */
export function parsePemBlocks(text: string): PemBlock[] | undefined {
  const blocks = Array.from(text.matchAll(BLOCK), ([block, label = '']) => ({ label, text: block }))
  return blocks.length > 0 && blocks.length === countPemBlocks(text) ? blocks : undefined
}

/** The certificates in a text; undefined if there is none, one is incomplete, or another block is in the text. */
export function parseCertificateBlocks(text: string): string[] | undefined {
  const blocks = parsePemBlocks(text)
  return blocks?.every(({ label }) => label === 'CERTIFICATE') ? blocks.map((block) => block.text) : undefined
}
