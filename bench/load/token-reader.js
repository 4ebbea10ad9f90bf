import { readFileSync } from 'node:fs'

/** The files of pools that were read, by path: read again only when a pool has grown. */
const read = new Map()

/** Returns a function that gives the tokens of a pool one after the other, and begins anew behind the last one. */
export function createTokenReader({ path, recordLength, count }, from) {
  const records = readRecords(path, recordLength * count)
  let index = from
  return () => {
    const start = (index % count) * recordLength
    index += 1
    return records.latin1Slice(start, start + recordLength - 1)
  }
}

function readRecords(path, length) {
  if (read.get(path)?.length !== length) read.set(path, readFileSync(path))
  return read.get(path)
}
