/**
 * The candidate that is nearest to a mistyped name, if it is near enough to be what was meant.
 *
 * @param furthest how many letters may differ; undefined: a third of them, or the candidate contains the name
 */
export function closestName(name: string, candidates: readonly string[], furthest?: number): string | undefined {
  const containing = candidates.find((candidate) => name.length > 3 && plainName(candidate).includes(plainName(name)))
  if (furthest === undefined && containing !== undefined) return containing
  let closest: string | undefined
  let least = (furthest ?? Math.max(1, Math.floor(name.length / 3))) + 1
  for (const candidate of candidates) {
    const distance = editDistance(plainName(name), plainName(candidate))
    if (distance < least) [closest, least] = [candidate, distance]
  }
  return closest
}

/** In lower case, without punctuation. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '')
}

/** Levenshtein distance. */
function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[right.length] ?? 0
}
