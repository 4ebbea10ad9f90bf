import { inTable, type OptionPath, type OptionProblem, option } from './config-error.js'

/** An option that no reader asked for. */
export interface UnknownOption {
  table: OptionPath
  key: string
  /** What to do if no option is like it. */
  hint: string | undefined
}

/** The options of each table that was read to its end, by its path without indexes. */
export type KnownOptions = ReadonlyMap<string, ReadonlySet<string>>

/** More names than these are a count, with a link. */
const MAX_LISTED = 8
const MAX_PLACES = 3
/** What a name may end in that ours leave out, in lower case. */
const UNIT = /(?:in)?(?:seconds|secs?|milliseconds|millis|ms|bytes)$/
const OPTIONS_PAGE = 'docs/options.md'

/** Options that had another name before, by the table without indexes. */
const RENAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  identityProviders: { grants: 'bindings', grant: 'bindings', subjects: 'allowedSubjects', claims: 'requiredClaims' },
}

/**
 * What standards and other libraries call our options, in lower case without punctuation. If several options have one of
 * these names, the first one that the table has is suggested.
 */
const CALLED: readonly (readonly [option: string, names: string])[] = [
  ['audience', 'aud'],
  ['alias', 'audience aud clientaudience'],
  ['name', 'issuer iss'],
  ['issuer', 'iss issuerbaseurl'],
  ['discovery', 'wellknown wellknownurl metadataurl discoveryurl issuerbaseurl'],
  ['signingKeys', 'secretorkey secretorprivatekey privatekey signingkey key keys jwks'],
  ['jwksUri', 'jwksurl jwkseturi keysurl secretorpublickey secretorkeyprovider secretorkey'],
  ['jwks', 'publickey publickeys keys key'],
  ['certificates', 'cert certs'],
  ['clientId', 'id'],
  ['clientSecret', 'secret password'],
  ['clientSecretHash', 'secrethash'],
  ['certificate', 'cert certs certificates x5c tlsclientauth mtls'],
  ['subjectDn', 'tlsclientauthsubjectdn subject dn'],
  ['sanDns', 'tlsclientauthsandns dns'],
  ['sanUri', 'tlsclientauthsanuri uri'],
  ['sanIp', 'tlsclientauthsanip ip'],
  ['sanEmail', 'tlsclientauthsanemail email'],
  ['sha256Thumbprints', 'thumbprint thumbprints fingerprint fingerprints sha256 x5ts256'],
  ['lifetime', 'expiresin ttl expiry exp tokenlifetime'],
  ['algorithms', 'algorithm alg tokensigningalg'],
  ['algorithm', 'algorithms alg tokensigningalg'],
  ['clockTolerance', 'clockskew clocktolerancesec leeway maxclockskew'],
  ['maxAge', 'maxtokenage'],
  ['scope', 'scopes requiredscopes permissions'],
  ['scopes', 'scope allowedscopes'],
  ['allowedSubjects', 'sub'],
  ['subject', 'sub'],
  ['types', 'typ'],
  ['clients', 'client allowedclients'],
  ['readTimeout', 'timeout'],
  ['refreshBudget', 'ratelimit'],
  ['tokenEndpoint', 'tokenurl'],
  ['mtlsTokenEndpoint', 'mtlsendpoint mtlsendpointaliases mtlsurl'],
  ['from', 'trustedproxies trustproxy trustedips proxies addresses'],
  ['identityProviders', 'identityprovider provider trustedissuers issuers providers idps'],
  ['identityProvider', 'idp iss issuer provider'],
  ['resource', 'audience aud'],
  ['issuers', 'issuer iss trustedissuers'],
  ['getToken', 'jwtfromrequest tokenfromrequest extractor'],
]

/** The problem of an unknown option: says which one was probably meant, or where it belongs. */
export function describeUnknown({ table, key, hint }: UnknownOption, known: KnownOptions): OptionProblem {
  const names = [...(known.get(tableName(table)) ?? [])]
  const problem = { code: 'unknown_option' as const, path: [...table, key], table }
  const renamed = RENAMED[tableName(table)]
  if (renamed !== undefined && Object.hasOwn(renamed, key)) {
    const suggestion = renamed[key] ?? key
    const other = key === 'grants' ? `; grant types of your own are the top-level ${option('.grants')}` : ''
    return { ...problem, code: 'renamed', text: `renamed; use ${option(suggestion)} instead${other}`, suggestion }
  }
  const places = placesOf(key, table, known)
  const elsewhere = places.length === 0 ? findElsewhere(key, table, known) : undefined
  const furthest = places.length > 0 || elsewhere !== undefined ? 1 : undefined
  const suggestion = sameName(key, names) ?? otherName(key, names) ?? closestName(key, names, furthest)
  if (suggestion !== undefined) {
    return { ...problem, text: `unknown option; did you mean ${option(suggestion)}?`, suggestion }
  }
  return { ...problem, text: `unknown option; ${elsewhere ?? whatToDo(key, names, places, hint)}` }
}

/** The path of a table without indexes. */
export function tableName(path: OptionPath): string {
  return path.filter((step) => typeof step === 'string').join('.')
}

/**
 * The candidate that is nearest to a mistyped name, if it is near enough to be what was meant.
 *
 * @param furthest how many letters may differ; undefined: a third of them, or the candidate contains the name
 */
export function closestName(name: string, candidates: readonly string[], furthest?: number): string | undefined {
  const same = sameName(name, candidates)
  if (same !== undefined) return same
  const containing = candidates.filter((candidate) => name.length > 3 && plainName(candidate).includes(plainName(name)))
  if (furthest === undefined && containing.length > 0) return shortest(containing)
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

/** The candidate that differs by case, punctuation, or a unit at the end: `client_secret`, `lifetimeSeconds`. */
function sameName(name: string, candidates: readonly string[]): string | undefined {
  const find = (plain: string) => candidates.find((candidate) => plainName(candidate) === plain)
  return find(plainName(name)) ?? find(plainName(name).replace(UNIT, ''))
}

function shortest(names: readonly string[]): string | undefined {
  return names.toSorted((one, other) => one.length - other.length)[0]
}

function otherName(key: string, names: readonly string[]): string | undefined {
  return optionsCalled(key).find((name) => names.includes(name))
}

/** The options that standards and other libraries call so. */
export function optionsCalled(key: string): string[] {
  return CALLED.flatMap(([option, names]) => (names.split(' ').includes(plainName(key)) ? [option] : []))
}

function describePlaces(name: string, places: readonly string[]): string {
  return places.map((place) => inTable(place === '' ? [] : place.split('.'), name)).join(' or ')
}

/** An option of another table, which standards and other libraries call so. */
function findElsewhere(key: string, table: OptionPath, known: KnownOptions): string | undefined {
  for (const name of optionsCalled(key)) {
    const places = placesOf(name, table, known)
    if (places.length === 0 || places.length > MAX_PLACES) continue
    const isAtTop = places.every((place) => place === '')
    const meant = isAtTop ? `the top-level ${option(`.${name}`)}` : `${option(name)} ${describePlaces(name, places)}`
    return `did you mean ${meant}?`
  }
  return undefined
}

/** The other tables that have an option of exactly this name; those inside of what is not ours do not count. */
function placesOf(key: string, table: OptionPath, known: KnownOptions): string[] {
  return [...known].flatMap(([place, names]) => {
    const steps = place.split('.')
    const isOurs = steps.every((_, index) => known.has(steps.slice(0, index).join('.')))
    return isOurs && place !== tableName(table) && names.has(key) ? [place] : []
  })
}

function whatToDo(key: string, names: readonly string[], places: readonly string[], hint: string | undefined): string {
  if (places.length > 0 && places.length <= MAX_PLACES) {
    return `it belongs ${describePlaces(key, places)}`
  }
  const allowed =
    names.length > MAX_LISTED
      ? `${OPTIONS_PAGE} lists the ${names.length} options that are allowed here`
      : `expected ${names.length > 1 ? 'one of ' : ''}${names.map((name) => option(name)).join(', ')}`
  return hint ?? (names.length === 0 ? 'no options are allowed here' : allowed)
}

/** Levenshtein distance, in which two neighbours that change places count as one letter. */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1)
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const swap = row > 1 && column > 1 && isSwapped ? (beforePrevious[column - 2] ?? 0) + 1 : substitution
      current.push(Math.min(swap, substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.length] ?? 0
}
