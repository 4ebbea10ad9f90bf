import { hasInvisible } from '../jwt/check-claims.js'
import { plainText } from '../option-checks/describe-value.js'
import { type ClaimPath, type Claims, parseClaimPath, readClaim, writeClaimPath } from './claim-path.js'

/** A text with claims in it: what comes before the first one, and each claim with what follows it. */
export interface ClaimTemplate {
  head: string
  places: readonly { path: ClaimPath; after: string }[]
}

/** UTF-16 units. */
const MAX_LENGTH = 1024
/** What a template must be, for the message of a problem. */
export const CLAIM_TEMPLATE = `text of at most ${MAX_LENGTH} characters with claims in it, such as "\${claims.sub}" or "ci|\${claims.repository_id}|\${claims.ref}", and something between each two of them`

const PLACE = /\$\{claims\.([^}]+)\}/g

/**
 * Undefined if a template is malformed: it has no claim, two adjacent claims, or a `${` that does not name a claim.
 *
 * @param text in which what came from an environment variable may be marked as literal
 */
export function parseClaimTemplate(text: string): ClaimTemplate | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const [head = '', ...others] = text.split(PLACE)
  const places: { path: ClaimPath; after: string }[] = []
  for (let index = 0; index < others.length; index += 2) {
    const [written = '', after = ''] = others.slice(index, index + 2)
    const path = parseClaimPath(plainText(written))
    const isLast = index + 2 === others.length
    if (path === undefined || (after === '' && !isLast)) return undefined
    places.push({ path, after })
  }
  const isText = [head, ...places.map(({ after }) => after)].every(isTextAround)
  if (places.length === 0 || !isText || text !== text.trim()) return undefined
  return { head: plainText(head), places: places.map(({ path, after }) => ({ path, after: plainText(after) })) }
}

/** Around the claims: with no place that names no claim, and nothing that no subject may have. */
function isTextAround(text: string): boolean {
  return !text.includes('${') && !hasInvisible(plainText(text))
}

/**
 * The text with the claims put in. Undefined if one is missing, empty or not a string, or contains what follows it in the
 * template, so that other claims could make the same text: two callers must not become one.
 */
export function fillClaimTemplate({ head, places }: ClaimTemplate, claims: Claims): string | undefined {
  let text = head
  for (const [index, { path, after }] of places.entries()) {
    const claim = readClaim(claims, path)
    if (typeof claim !== 'string' || findFault(claim, after, index === places.length - 1) !== undefined)
      return undefined
    text += claim + after
  }
  return text
}

/** Which claim keeps a template from being filled, and why; undefined if none does. */
export function describeUnfilled({ places }: ClaimTemplate, claims: Claims): string | undefined {
  for (const [index, { path, after }] of places.entries()) {
    const fault = findFault(readClaim(claims, path), after, index === places.length - 1)
    if (fault !== undefined) return `the claim ${writeClaimPath(path.segments)} ${fault}`
  }
  return undefined
}

function findFault(claim: unknown, after: string, isLast: boolean): string | undefined {
  if (claim === undefined) return 'is missing'
  if (typeof claim !== 'string') return 'is not a string'
  if (claim === '') return 'is empty'
  const isAmbiguous = !isLast && (claim + after).indexOf(after) !== claim.length
  return isAmbiguous ? `contains ${JSON.stringify(after)}, which follows it in the template` : undefined
}
