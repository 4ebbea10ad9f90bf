import type { IdentityProviderOptions } from '../identity-provider/identity-provider-options.js'
import { isJsonObject } from '../jwt/parse-json-object.js'
import type { BindingOptions } from '../policy/binding.js'
import { type Claims, parseClaimPath, writeClaimPath } from '../policy/claim-path.js'
import { nameInFile, optionName } from './wording.js'

/** Tables of claims by their paths. In a file, an option that follows such a table is read as a claim in it. */
export type TableOfClaims = 'requiredClaims' | 'when'

type NamesOf<Options> = Readonly<Record<keyof Options, true>>

type Segments = readonly string[]

const MAX_SEGMENTS = 32
/** Claims that are looked at for each missing one. */
const MAX_SEARCHED = 1000
/** What is between names in a path: a user may take one name for two, and two for one. */
const SEPARATORS = ['.', '/']
const NOWHERE: Segments = []

const OF_IDENTITY_PROVIDER: NamesOf<IdentityProviderOptions> = {
  id: true,
  registration: true,
  name: true,
  profile: true,
  tenants: true,
  alias: true,
  jwksUri: true,
  discovery: true,
  certificates: true,
  jwks: true,
  x5cOnlyKeys: true,
  keyUses: true,
  enabled: true,
  clientAuthentication: true,
  scopes: true,
  lifetime: true,
  maxBeyondAssertion: true,
  subject: true,
  accessTokens: true,
  audiences: true,
  types: true,
  clockTolerance: true,
  maxAge: true,
  requireIat: true,
  requireJti: true,
  soleAudience: true,
  maxLifetime: true,
  maxBytes: true,
  replay: true,
  algorithms: true,
  allowedSubjects: true,
  requiredClaims: true,
  check: true,
  bindings: true,
  groupsToScopes: true,
  groupsClaim: true,
  scopeClaim: true,
  singleAsArray: true,
  claimsToToken: true,
  ca: true,
  headers: true,
  bearerTokenFile: true,
  proxy: true,
  agent: true,
  lookup: true,
  network: true,
  allowInsecureHttp: true,
}
const OF_BINDING: NamesOf<BindingOptions> = {
  name: true,
  when: true,
  clients: true,
  scopes: true,
  resources: true,
  lifetime: true,
}
const OPTIONS_BESIDE: Readonly<Record<TableOfClaims, object>> = {
  requiredClaims: OF_IDENTITY_PROVIDER,
  when: OF_BINDING,
}
const NAMES_OF_TABLES: Readonly<Record<TableOfClaims, string>> = {
  requiredClaims: optionName('requiredClaims'),
  when: 'when',
}
const MISSING = 'the claim is missing: configure the identity provider to include it'

/** @param table in which the path is written */
export function hintOfMissing(path: string, claims: Claims, table: TableOfClaims): string {
  const otherPath = hintOfOtherPath(path, claims)
  if (otherPath !== undefined) return otherPath
  if (!isOptionBeside(path, table)) return MISSING
  return `the claim is missing: if this is meant as an option, move it out of the table ${NAMES_OF_TABLES[table]}`
}

export function hintOfMissingGroups(path: string, claims: Claims): string {
  const otherPath = hintOfOtherPath(path, claims)
  const option = optionName('groupsClaim')
  return otherPath === undefined
    ? `${MISSING}, or name another claim by ${option}`
    : `${otherPath}: set it as ${option}`
}

/** Whether a path is the name of an option of the object that the table is in, as written in code or in a file. */
function isOptionBeside(path: string, table: TableOfClaims): boolean {
  return Object.keys(OPTIONS_BESIDE[table]).some((name) => path === name || path === nameInFile(name))
}

/** Where the claim probably is that a path does not find, and how to write the path. */
function hintOfOtherPath(path: string, claims: Claims): string | undefined {
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
  if (!isJsonObject(value) || search.left < 0) return undefined
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
    if (isJsonObject(value) && Object.hasOwn(value, name)) return [owner]
    left -= 1
    if (left === 0) return undefined
  }
  return undefined
}
