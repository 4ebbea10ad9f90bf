/** The candidate nearest to a mistyped name, if it is near enough to be what was meant. */
export function closestName(name: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '')
  const containing = candidates.find((candidate) => name.length > 3 && plain(candidate).includes(plain(name)))
  if (containing !== undefined) return containing
  const furthest = Math.max(1, Math.floor(name.length / 3))
  let closest: string | undefined
  let least = furthest + 1
  for (const candidate of candidates) {
    const distance = editDistance(plain(name), plain(candidate))
    if (distance < least) [closest, least] = [candidate, distance]
  }
  return closest
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
