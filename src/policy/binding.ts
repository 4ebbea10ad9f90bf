import { printable } from '../errors/printable.js'
import { isScopeToken } from '../oauth/scope.js'
import { option } from '../option-checks/config-error.js'
import { isEmptyArray, isPlainObject } from '../option-checks/describe-value.js'
import { type OptionReader, refuseRepeated } from '../option-checks/option-reader.js'
import { type ClaimCondition, type ClaimConditionOption, findFailing, readClaimConditions } from './claim-condition.js'
import { elementsOf, expectedElement, wantedElement } from './claim-operators.js'
import { CLAIM_PATH, type ClaimPath, type Claims, parseClaimPath, readClaim } from './claim-path.js'
import type { ConditionContext } from './claim-value.js'

/**
 * One binding: what assertions that meet its conditions may obtain.
 *
 * @example
 * const deploy: BindingOptions = {
 *   name: 'deploy',
 *   when: { repository: 'acme/shop', ref: 'refs/heads/main' },
 *   scopes: ['orders:write'],
 *   lifetime: 300,
 * }
 */
export interface BindingOptions {
  /** Not empty, and different from the names of the provider's other bindings. */
  name: string
  /** Conditions on claims, 1 or more, by their paths, as in `requiredClaims`; `sub` is a claim, too. Default: no condition. */
  when?: Readonly<Record<string, ClaimConditionOption>>
  /** The `clientId`s of the clients that it applies to, 1 or more. Default: all. */
  clients?: readonly string[]
  /** The scopes that it allows. Default: none. */
  scopes?: readonly string[]
  /**
   * The `aud` of the access token, 1 or more: identifiers of `resources`, or without that option some of
   * `accessToken.audience`. Default: all.
   */
  resources?: readonly string[]
  /** Seconds, 1 to 86 400: the longest lifetime of the access token. Default: no bound of its own. */
  lifetime?: number
}

/** The other options that a binding depends on. */
export interface BindingContext {
  /** Those that access tokens can have: the identifiers of `resources`, or `accessToken.audience`. */
  audiences: ReadonlySet<string>
  /** The ids of the fixed clients; undefined if clients are looked up. */
  clientIds: ReadonlySet<string> | undefined
}

/** What an accepted assertion may obtain if its claims meet the conditions. */
export interface Binding {
  name: string
  when: readonly ClaimCondition[]
  /** The ids of the clients that obtain it; undefined: any. */
  clients: ReadonlySet<string> | undefined
  scopes: ReadonlySet<string>
  /** The audiences of the access token; undefined: all that the exchange has. */
  resources: ReadonlySet<string> | undefined
  /** The longest lifetime of the access token, in seconds; infinite if it has no bound of its own. */
  lifetime: number
  /** What makes it: one of `bindings`, or a group of `groupsToScopes`. */
  origin: 'binding' | 'groups'
}

/** A binding that does not match some claims and a client, and why: the client, or the first condition that fails. */
export interface UnmetBinding {
  binding: Binding
  by: 'client' | ClaimCondition
}

type ReadingContext = BindingContext & ConditionContext

const NONE: readonly Binding[] = []
const SCOPE = 'a scope token (RFC 6749 §3.3)'
const GROUPS = 'an object with at least one group and its scopes'

/** The bindings that match these claims and this client. */
export function findBindings(
  bindings: readonly Binding[],
  claims: Claims,
  clientId: string | undefined,
): readonly Binding[] {
  return bindings.filter((binding) => findUnmet(binding, claims, clientId) === undefined)
}

/**
 * Why a binding does not match these claims and this client; undefined: it matches. A binding with `clients` never matches a
 * request without a client.
 */
export function findUnmet(binding: Binding, claims: Claims, clientId: string | undefined): UnmetBinding | undefined {
  if (binding.clients !== undefined && (clientId === undefined || !binding.clients.has(clientId)))
    return { binding, by: 'client' }
  const failing = findFailing(binding.when, claims)
  return failing && { binding, by: failing }
}

/** What a binding expects, for one that does not match. */
export function describeUnmet({ binding: { name }, by }: UnmetBinding): string {
  return by === 'client' ? `${name}: another client` : `${name}: ${by.path}, expected ${by.expected}`
}

/**
 * The bindings of `bindings` and of `groupsToScopes`. Each group is a binding of its own: it matches if the claim `groupsClaim`
 * is an array with this group, or with `singleAsArray` this group alone.
 */
export function readBindings(reader: OptionReader, context: ReadingContext): readonly Binding[] {
  const ofBindings = reader.isNamed('bindings') ? readBindingList(reader, context) : NONE
  const ofGroups = readGroupBindings(reader, context)
  return ofBindings.length + ofGroups.length === 0 ? NONE : [...ofBindings, ...ofGroups]
}

/** Only those of `groupsToScopes`. */
export function readGroupBindings(reader: OptionReader, context: ConditionContext): readonly Binding[] {
  return reader.isNamed('groupsToScopes') ? readGroups(reader, context) : refuseGroupsClaim(reader)
}

/** An empty list would bind nothing, although a bound was meant. */
function readBindingList(reader: OptionReader, context: ReadingContext): Binding[] {
  const readers = reader.objects('bindings')
  if (isEmptyArray(reader.value('bindings'))) {
    reader.problem('bindings', 'an array of at least one binding', undefined, 'out_of_bounds')
  }
  const bindings = readers.map((each) => readBinding(each, context))
  const names = bindings.map(({ name }) => name)
  refuseRepeated(readers, 'name', names)
  return bindings
}

function readBinding(reader: OptionReader, context: ReadingContext): Binding {
  const { audiences, clientIds } = context
  const isClient = (id: string) => id !== '' && clientIds?.has(id) !== false
  const clients = readSome(reader, 'clients', 'the clientId of a client', isClient)
  const resource = `one of ${option('accessToken.audience')}, or the identifier of one of ${option('.resources')}`
  // An empty one stands for an audience that cannot be used, which is a problem of its own.
  const isAudience = (text: string) => audiences.has(text) || audiences.has('')
  const resources = readSome(reader, 'resources', resource, isAudience)
  const binding = {
    name: reader.string('name'),
    when: reader.isNamed('when') ? readClaimConditions(reader, 'when', context) : [],
    clients,
    scopes: new Set(reader.strings('scopes', SCOPE, isScopeToken)),
    resources,
    lifetime: reader.optionalInteger('lifetime', { min: 1, max: 86_400, unit: 'seconds' }) ?? Number.POSITIVE_INFINITY,
    origin: 'binding' as const,
  }
  reader.refuseUnknown()
  return binding
}

/** A set of one or more; undefined if the option is absent. */
function readSome(reader: OptionReader, key: string, each: string, accept: (text: string) => boolean) {
  return reader.isNamed(key) ? new Set(reader.someStrings(key, each, accept)) : undefined
}

function readGroups(reader: OptionReader, context: ConditionContext): readonly Binding[] {
  const groups = reader.value('groupsToScopes')
  const written = reader.has('groupsClaim') ? reader.string('groupsClaim', CLAIM_PATH) : 'groups'
  if (!isPlainObject(groups) || Object.keys(groups).length === 0) {
    reader.problem('groupsToScopes', GROUPS, isPlainObject(groups) ? 'an empty object' : undefined)
    return NONE
  }
  const path = parseClaimPath(written)
  if (path === undefined) reader.problem('groupsClaim', CLAIM_PATH)
  const scopesOf = reader.object('groupsToScopes')
  // The scopes are read even without a path: their problems are reported together with the one of the path.
  const isMember = path === undefined ? () => false : createMembershipTest(path, context)
  return Object.keys(groups).map((group) => {
    const holds = (claims: Claims) => isMember(group, claims)
    const expected = printable(expectedElement(JSON.stringify(group), context))
    const wants = [wantedElement([group], context)]
    return readGroup(scopesOf, group, { path: written, holds, expected, wants })
  })
}

/** Compares exactly: a group may have a star in its name. The groups of a token are read once for all bindings. */
function createMembershipTest(path: ClaimPath, context: ConditionContext): (group: string, claims: Claims) => boolean {
  const known = new WeakMap<Claims, ReadonlySet<unknown>>()
  return (group, claims) => {
    let groups = known.get(claims)
    if (groups === undefined) {
      groups = new Set(elementsOf(readClaim(claims, path), context))
      known.set(claims, groups)
    }
    return groups.has(group)
  }
}

function readGroup(scopesOf: OptionReader, group: string, when: ClaimCondition): Binding {
  const scopes = scopesOf.someStrings(group, SCOPE, isScopeToken)
  return {
    name: group,
    when: [when],
    clients: undefined,
    scopes: new Set(scopes),
    resources: undefined,
    lifetime: Number.POSITIVE_INFINITY,
    origin: 'groups',
  }
}

function refuseGroupsClaim(reader: OptionReader): readonly Binding[] {
  if (reader.isNamed('groupsClaim'))
    reader.note(
      'conflict',
      'groupsClaim',
      `has no effect alone; set ${option('groupsToScopes')} as well, or remove it`,
      ['groupsToScopes'],
    )
  return NONE
}
