/** How many random cases the property tests of this folder try in all; many more by `npm run soak`. */
const CASES = Number(process.env.POLICY_CASES ?? 5000)

/** The parameters of a property test that tries this share of all cases. */
export function shareOfCases(share: number): { numRuns: number } {
  return { numRuns: Math.ceil(CASES * share) }
}

/** Milliseconds for one property test: one a case, and at least thirty seconds. */
export const TIMEOUT = Math.max(30_000, CASES)

/** A glob, matched the slow and obvious way: after each unit of the pattern, which beginnings of the text it reaches. */
export function matchesObviously(pattern: string, text: string): boolean {
  let reached = Array.from({ length: text.length + 1 }, (_, length) => length === 0)
  for (const unit of pattern.split('')) {
    const before = reached
    const first = before.indexOf(true)
    reached = before.map((_, length) =>
      unit === '*' ? first !== -1 && length >= first : before[length - 1] === true && text[length - 1] === unit,
    )
  }
  return reached[text.length] === true
}
