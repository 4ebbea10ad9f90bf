/** The claims of a JWT, as they were parsed from JSON. */
export type Claims = Readonly<Record<string, unknown>>

/** What functions of a policy get in addition to the claims. */
export interface CheckContext {
  /** The `id` (by default the `name`) of the identity provider. */
  identityProvider: string
  /** The client that presents the assertion; absent behind the assertion strategy, and in `explain` without one. */
  clientId?: string
}

/** Where a claim is. */
export interface ClaimPath {
  /** The names of members from the outermost inwards, 1 to 32. */
  segments: readonly string[]
  /** Whether a segment may also be the index of an array's element. */
  indexesArrays: boolean
}

/** UTF-16 units. */
const MAX_LENGTH = 1024
const MAX_SEGMENTS = 32
/** What a path must be, for the message of a problem. */
export const CLAIM_PATH = `a claim path of at most ${MAX_LENGTH} characters and ${MAX_SEGMENTS} segments: realm_access.roles, "kubernetes.io".namespace, /realm_access/roles/0 or https://example.com/roles`

/** One segment of a dotted path, bare or in quotes, and what ends it: a dot, or nothing at the end of the path. */
const DOTTED = /(?:"((?:[^"\\]|\\["\\])+)"|([^."\\]+))(\.|$)/gy
const MALFORMED_ESCAPE = /~(?![01])/
const ARRAY_INDEX = /^(?:0|[1-9][0-9]*)$/

/**
 * Where a written path leads, or undefined if it is malformed. The text alone decides how it is read, never a token:
 *
 * - beginning with `/`: a JSON Pointer (RFC 6901), which may index arrays;
 * - beginning with `http://` or `https://`: the name of one claim at the top;
 * - anything else: names with dots between them, none of them empty. A name that holds a dot, a quote or a backslash
 *   is in double quotes: `"kubernetes.io".namespace`; in them `\"` is a quote and `\\` a backslash. Such a path
 *   does not index arrays.
 *
 * At most 1,024 UTF-16 units and 32 segments, without `${`: a template is not a path.
 */
export function parseClaimPath(text: string): ClaimPath | undefined {
  if (text.length > MAX_LENGTH || text.includes('${')) return undefined
  const indexesArrays = text.startsWith('/')
  const segments = indexesArrays ? parsePointer(text) : isUrl(text) ? [text] : parseDotted(text)
  return segments === undefined || segments.length > MAX_SEGMENTS ? undefined : { segments, indexesArrays }
}

function isUrl(text: string): boolean {
  return text.startsWith('http://') || text.startsWith('https://')
}

/** RFC 6901 §3 and §4. The pointer `/` names the member whose name is empty. */
function parsePointer(text: string): string[] | undefined {
  if (MALFORMED_ESCAPE.test(text)) return undefined
  const segments = text.slice(1).split('/')
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function parseDotted(text: string): string[] | undefined {
  const parts = [...text.matchAll(DOTTED)]
  const isReadToTheEnd = parts.at(-1)?.[3] === ''
  if (!isReadToTheEnd) return undefined
  return parts.map(([, quoted, bare = '']) => quoted?.replace(/\\(.)/g, '$1') ?? bare)
}

/**
 * The claim at a path, or undefined if there is none. Own members only, never those of a prototype, a string
 * or an array itself: `constructor` and `length` are missing unless the token has claims of these names.
 */
export function readClaim(claims: Claims, { segments, indexesArrays }: ClaimPath): unknown {
  let value: unknown = claims
  for (const segment of segments) {
    if (!hasMember(value, segment, indexesArrays)) return undefined
    value = value[segment]
  }
  return value
}

function hasMember(value: unknown, name: string, indexesArrays: boolean): value is Claims {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value) && !(indexesArrays && ARRAY_INDEX.test(name))) return false
  return Object.hasOwn(value, name)
}

/** How the path of these members is written, as short as possible; undefined if no written path leads there. */
export function writeClaimPath(segments: readonly string[]): string | undefined {
  const [first = '', ...others] = segments.map((segment) => (/["\\.]/.test(segment) ? quote(segment) : segment))
  const ways = [
    segments.join('.'),
    [first, ...others].join('.'),
    [quote(segments[0] ?? ''), ...others].join('.'),
    segments.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
  ]
  return ways.find((way) => {
    const path = parseClaimPath(way)
    return path !== undefined && isSamePath(path, { segments, indexesArrays: false })
  })
}

function quote(name: string): string {
  return `"${name.replace(/["\\]/g, '\\$&')}"`
}

/** Whether two paths name the same members, however each is written. */
export function isSamePath(left: ClaimPath, right: ClaimPath): boolean {
  return (
    left.segments.length === right.segments.length &&
    left.segments.every((segment, index) => segment === right.segments[index])
  )
}
