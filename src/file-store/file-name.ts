import { hash } from 'node:crypto'

/** Characters, without the extension. Some file systems allow 143 bytes for all. */
const MAX_LENGTH = 100
const START_LENGTH = 60
/** Windows takes them for devices, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/

/**
 * The names that a file may get for an id, the best first, without the extension: if a file with another id has the first one,
 * the second one is used. No two ids have the same name, even in a file system that takes upper case for lower case. A name is
 * not read back: the id in the file counts.
 */
export function fileNamesOf(id: string): readonly string[] {
  const encoded = encode(id)
  const hashed = `${encoded.slice(0, START_LENGTH)}~${hash('sha256', id, 'hex')}`
  return encoded.length > MAX_LENGTH ? [hashed] : [encoded, hashed]
}

/** Only lower-case letters, digits, `-`, `_`, `%` and dots within: there is no path, and no letter in two forms. */
function encode(id: string): string {
  const encoded = Array.from(Buffer.from(id), (byte, index) => {
    const character = String.fromCharCode(byte)
    return /[a-z0-9_-]/.test(character) || (character === '.' && index > 0) ? character : escapeByte(byte)
  }).join('')
  return DEVICE.test(encoded) ? escapeByte(encoded.charCodeAt(0)) + encoded.slice(1) : encoded
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`
}
