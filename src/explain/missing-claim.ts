import { type Claims, parseClaimPath, writeClaimPath } from '../policy/claim-path.js'

type Segments = readonly string[]

const MAX_SEGMENTS = 32
/** Claims that are looked at for each missing one. */
const MAX_SEARCHED = 1000
/** What stands between names in a path: a user may take one name for two, and two for one. */
const SEPARATORS = ['.', '/']
const NOWHERE: Segments = []

/** Where the claim probably is that a path does not find, and how to write the path. */
export function hintOfOtherPath(path: string, claims: Claims): string | undefined {
  const segments = parseClaimPath(path)?.segments ?? NOWHERE
  return hintOfOtherCut(segments, claims) ?? hintOfOtherPlace(segments.at(-1), claims)
}

function hintOfOtherCut(segments: Segments, claims: Claims): string | undefined {
  for (const separator of SEPARATORS) {
    const parts = segments.flatMap((segment) => segment.split(separator))
    if (parts.length > MAX_SEGMENTS) continue
    const found = findCut(parts, claims, { separator, left: MAX_SEARCHED })
    const written = found && writeClaimPath(found)
    if (found !== undefined && written !== undefined) return `there is a claim "${found[0]}": write '${written}'`
  }
  return undefined
}

/** The names of members, each made of one of the parts or several, that lead to a claim. */
function findCut(parts: Segments, value: unknown, search: { separator: string; left: number }): string[] | undefined {
  if (parts.length === 0) return []
  search.left -= 1
  if (!isObject(value) || search.left < 0) return undefined
  for (let count = 1; count <= parts.length; count += 1) {
    const name = parts.slice(0, count).join(search.separator)
    const others = Object.hasOwn(value, name) ? findCut(parts.slice(count), value[name], search) : undefined
    if (others !== undefined) return [name, ...others]
  }
  return undefined
}

/** A claim of this name at the top, or one level below. */
function hintOfOtherPlace(name: string | undefined, claims: Claims): string | undefined {
  if (name === undefined) return undefined
  const owners = Object.hasOwn(claims, name) ? NOWHERE : findOwner(name, claims)
  const written = owners && writeClaimPath([...owners, name])
  return written && `there is one at another path: '${written}'`
}

function findOwner(name: string, claims: Claims): Segments | undefined {
  let left = MAX_SEARCHED
  for (const owner of Object.keys(claims)) {
    const value = claims[owner]
    if (isObject(value) && Object.hasOwn(value, name)) return [owner]
    left -= 1
    if (left === 0) return undefined
  }
  return undefined
}

function isObject(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
