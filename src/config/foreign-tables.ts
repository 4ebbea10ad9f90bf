import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { formatPath } from '../option-checks/config-error.js'
import { closestName, optionsCalled, plainName } from '../option-checks/unknown-option.js'
import type { FileProblem } from './file-problem.js'
import { OF_BINDING, OF_IDENTITY_PROVIDER, TOP_LEVEL_NAMES } from './toml-names.js'

/** A table at the top of the file, or a key of `[oauth]`. */
interface ForeignTable {
  path: readonly string[]
  value: unknown
  /** The whole file. */
  file: object
}

/** Tables of WSO2 Identity Server whose names are like ours, such as `[[resource.access_control]]`. */
const NOT_OURS = ['authentication', 'identity', 'resource', 'rest_api_authentication']
const OUR_TABLES = [...TOP_LEVEL_NAMES, ...OF_IDENTITY_PROVIDER, ...OF_BINDING, 'binding', 'when', 'grant', 'claims']
/** Without the table of a longer name: `jwks_endpoint`. */
const OUR_NAMES = OUR_TABLES.map((name) => name.split('.').at(-1) ?? name)
const OUR_OAUTH_NAMES = ['jwks_endpoint']
/** Minutes for which WSO2 IS accepts an assertion after its `iat`, unless its file says otherwise. */
const WSO2_VALIDITY = 30

/** Whether it is a table of another program, and not a slip of a name of ours: a limit or a rule must not be lost. */
export function isForeignTable(path: readonly string[], value: unknown): boolean {
  const [name = '', inner] = path
  if (inner !== undefined) return closestName(inner, OUR_OAUTH_NAMES) === undefined
  const isTable = isJsonObject(value) || (Array.isArray(value) && value.length > 0 && value.every(isJsonObject))
  return isTable && (NOT_OURS.includes(name) || !isLikeOurs(name))
}

/**
 * Whether it is the table of WSO2 Identity Server that has the name of one of our lists: it has tables only. With a key of its
 * own it is a slip.
 */
export function isForeignResource(path: readonly string[], value: unknown): boolean {
  if (path.join('.') !== 'resource' || !isJsonObject(value)) return false
  const members = Object.values(value).flat()
  return members.length > 0 && members.every(isJsonObject)
}

function isLikeOurs(name: string): boolean {
  const isLonger = TOP_LEVEL_NAMES.some((ours) => plainName(name).startsWith(plainName(ours)))
  return isLonger || closestName(name, OUR_NAMES) !== undefined || optionsCalled(name).length > 0
}

/** Notes the table. A problem if it has a limit that would be lost. */
export function ignoreTable(
  { path, value, file }: ForeignTable,
  { notes, problems }: { notes: string[]; problems: FileProblem[] },
): void {
  const place = formatPath(path)
  const written = Array.isArray(value) ? `[[${place}]]` : isJsonObject(value) ? `[${place}]` : place
  notes.push(`${written} is not of this package and is ignored`)
  const minutes = path.join('.') === 'oauth.grant_type' ? validityOf(value) : undefined
  if (minutes === undefined || hasMaxAge(file)) return
  problems.push({
    code: 'conflict',
    path: [...path, 'jwt', 'iat_validity_period'],
    message: `this is not read; set the same limit, in seconds, in \`[assertion]\`: max_age${Number.isInteger(minutes) ? ` = ${minutes * 60}` : ''}`,
  })
}

/** `iat_validity_period` of `[oauth.grant_type.jwt]`, in minutes; undefined if it is the default there and here. */
function validityOf(grantTypes: unknown): number | undefined {
  const jwt = isJsonObject(grantTypes) ? ownMember(grantTypes, 'jwt') : undefined
  if (!isJsonObject(jwt)) return undefined
  const isOff = String(ownMember(jwt, 'enable_iat_validation')) === 'false'
  const minutes = Number(ownMember(jwt, 'iat_validity_period') ?? WSO2_VALIDITY)
  return isOff || minutes === WSO2_VALIDITY ? undefined : minutes
}

function hasMaxAge(file: object): boolean {
  const assertion = ownMember(file, 'assertion')
  return isJsonObject(assertion) && ownMember(assertion, 'max_age') !== undefined
}
