import { expect } from '@jest/globals'
import fc from 'fast-check'
import { type Choice, KINDS, type Kind, type KindName, type Members, type Target } from './token-kinds.js'
import { ROWS } from './token-matrix.js'
import { PLACE_NAMES, type PlaceName, type TokenPlaces } from './token-places.js'

/** Whether a token is in force. The tolerance of clocks is 60 seconds. */
const LIVES = {
  'in force': { iat: -30, exp: 600 },
  expired: { iat: -600, exp: -61 },
  'not yet valid': { iat: -30, nbf: 90, exp: 900 },
} as const
type Life = keyof typeof LIVES

/** How often each cell of the matrix was tried. */
export type Tried = Map<string, number>

/** All cells, by the kinds, lives and places that there are. */
export function cellsOf(): string[] {
  return kindNames().flatMap((kind) => lives().flatMap((life) => PLACE_NAMES.map((place) => cell(kind, life, place))))
}

/**
 * Makes tokens of each kind, and presents each at all places.
 *
 * @param runs for each kind, in force and not
 */
export async function tryTokens(tokenPlaces: TokenPlaces, runs: number): Promise<Tried> {
  const tried: Tried = new Map()
  for (const kind of kindNames()) {
    for (const life of lives()) {
      const property = fc.asyncProperty(variants(KINDS[kind]), async (variant) => {
        const judged = PLACE_NAMES.map((place) => {
          const name = cell(kind, life, place)
          tried.set(name, (tried.get(name) ?? 0) + 1)
          return findWrong(tokenPlaces, { kind, life, place }, variant)
        })
        expect((await Promise.all(judged)).filter((wrong) => wrong !== undefined)).toEqual([])
      })
      await fc.assert(property, { numRuns: runs })
    }
  }
  return tried
}

interface Variant {
  subject: string
  /** Positions in the list of audiences of a place. */
  audience: number
  isList: boolean
  /** Positions among further audiences; undefined: there are none. */
  others: 'none' | 'before' | 'after'
  spare: Members
  /** By how many places the claims are rotated. */
  rotation: number
  hasKid: boolean
  hasIssuedAt: boolean
  spelling: 'as it is' | 'in capitals' | 'in full'
  header: Members
}

/** What never chooses a key (RFC 7515 §4.1.2 to §4.1.6), and what nobody knows. */
const SPARE_HEADER: Members = {
  jku: 'https://attacker.example/jwks.json',
  x5u: 'https://attacker.example/certificate.pem',
  jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
  x5c: ['MII='],
  typ2: 'at+jwt',
  constructor: {},
}

function variants({ spare }: Kind): fc.Arbitrary<Variant> {
  return fc.record({
    subject: fc.constantFrom('alice', 'auth0|5f7c', 'job@clients', '日本', '__proto__', 'constructor'),
    audience: fc.nat(11),
    isList: fc.boolean(),
    others: fc.constantFrom('none', 'before', 'after'),
    spare: someOf(spare),
    rotation: fc.nat(12),
    hasKid: fc.boolean(),
    hasIssuedAt: fc.boolean(),
    spelling: fc.constantFrom('as it is', 'in capitals', 'in full'),
    header: someOf(SPARE_HEADER),
  })
}

function someOf(members: Members): fc.Arbitrary<Members> {
  return fc.subarray(Object.entries(members)).map(Object.fromEntries)
}

/** What is wrong with the answer; undefined: nothing. */
async function findWrong(
  tokenPlaces: TokenPlaces,
  { kind, life, place }: { kind: KindName; life: Life; place: PlaceName },
  variant: Variant,
): Promise<string | undefined> {
  const target = tokenPlaces.places[place]
  const { token, shown } = await signVariant(tokenPlaces, { kind, life }, target, variant)
  const { accepted, acceptedEarly = [], because } = ROWS[kind]
  const due: Readonly<Record<Life, readonly PlaceName[]>> = {
    ...{ 'in force': accepted, expired: [], 'not yet valid': acceptedEarly },
  }
  const isDue = due[life].includes(place)
  if ((await target.accepts(token)) === isDue) return undefined
  return `${cell(kind, life, place)}: should be ${isDue ? 'accepted' : 'refused'}, because ${because}: ${shown}`
}

async function signVariant(
  { sign, refer, revoke }: TokenPlaces,
  { kind: name, life }: { kind: KindName; life: Life },
  target: Target,
  variant: Variant,
): Promise<{ token: string; shown: string }> {
  const kind: Kind = KINDS[name]
  const draft = kind.draft(target, choose(target, variant))
  if (typeof draft === 'string') return { token: draft, shown: draft }
  const isOwn = name.startsWith('our ')
  const header = {
    ...variant.header,
    ...spellType(draft.header, variant),
    ...(!variant.hasKid && !isOwn && { kid: undefined }),
  }
  const claims = rotate({ ...variant.spare, ...datesOf(life, variant), ...draft.claims }, variant.rotation)
  const token = kind.isReference === true ? refer(claims) : sign(header, claims)
  if (kind.isRevoked === true) await revoke(token)
  return { token, shown: JSON.stringify({ header, claims }) }
}

function choose({ audiences }: Target, { subject, audience, isList, others }: Variant): Choice {
  const fitting = audiences[audience % audiences.length] ?? ''
  if (!isList) return { subject, audience: fitting }
  // To authenticate a client, an assertion has one audience only.
  if (others === 'none' || audiences.length === 1) return { subject, audience: [fitting] }
  return {
    subject,
    audience: others === 'before' ? ['https://other.example', fitting] : [fitting, 'https://other.example'],
  }
}

function datesOf(life: Life, { hasIssuedAt }: Variant): Members {
  const now = Math.floor(Date.now() / 1000)
  const dates = Object.entries(LIVES[life]).map(([name, seconds]) => [name, now + seconds])
  return { ...Object.fromEntries(dates), ...(!hasIssuedAt && { iat: undefined }) }
}

/** RFC 7515 §4.1.9: without case, and with or without `application/`. */
function spellType(header: Members, { spelling }: Variant): Members {
  const { typ } = header
  if (typeof typ !== 'string' || spelling === 'as it is') return header
  return { ...header, typ: spelling === 'in capitals' ? typ.toUpperCase() : `application/${typ}` }
}

function rotate(claims: Members, by: number): Members {
  const entries = Object.entries(claims)
  const at = by % entries.length
  return Object.fromEntries([...entries.slice(at), ...entries.slice(0, at)])
}

function cell(kind: KindName, life: Life, place: PlaceName): string {
  return `${kind}, ${life} | ${place}`
}

function kindNames(): KindName[] {
  return Object.keys(KINDS) as KindName[]
}

function lives(): Life[] {
  return Object.keys(LIVES) as Life[]
}
