import { MAX_CANDIDATES } from '../jwks/key-set.js'
import type { CutKeySet, KeyHeader, VerificationKeySource } from '../jwks/verification-key-source.js'

type KeySource = Pick<VerificationKeySource, 'stats' | 'countFitting'>

export function hintOfUnknownKey({ kid }: KeyHeader, keySource: KeySource): string {
  const { kids, cut } = keySource.stats()
  if (cut !== undefined) {
    const why = kid === undefined ? 'no key that is read fits' : 'kid is not among the keys that are read'
    return `${why}: ${describeCut(cut)}`
  }
  const known = kids.filter((each) => each !== undefined)
  const are = known.length === 0 ? 'its keys have no kid' : `the kids are ${known.join(', ')}`
  return kid === undefined ? `the assertion names no kid; ${are}` : `kid is not in the key set: ${are}`
}

/** Of an assertion that none of the keys that were tried has signed. */
export function hintOfBadSignature(header: KeyHeader, keySource: KeySource): string {
  const count = keySource.countFitting(header)
  const { certificates, cut } = keySource.stats()
  if (count > MAX_CANDIDATES && certificates === undefined) {
    const tried = `only the first ${MAX_CANDIDATES} are tried`
    return header.kid === undefined
      ? `${count} keys fit and ${tried}, because the assertion names no kid: configure the identity provider to include it`
      : `${count} keys have this kid and ${tried}: each key needs a kid of its own at the identity provider`
  }
  if (header.kid === undefined && cut !== undefined)
    return `none of the keys that are read has signed it: ${describeCut(cut)}`
  return 'another environment of the identity provider, an altered token, or a forged one'
}

function describeCut({ keys, maxKeys }: CutKeySet): string {
  return `the set has ${keys} keys, and only the first ${maxKeys} are used; raise jwksEndpoint.maxKeys (max_keys)`
}
