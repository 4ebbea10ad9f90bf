import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { fieldOf } from '../errors/field-of.js'
import type {
  IdentityProviderRegistration,
  StoredRegistration,
} from '../identity-provider-store/identity-provider-store.js'
import { toStoredText } from '../identity-provider-store/storable-registration.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import type { ConfigProblem } from '../option-checks/config-error.js'
import { type EntryProblem, invalidEntry } from './problem.js'
import type { JsonObject } from './read-json.js'
import { hasSameDestination, restoreSecrets, withoutSecrets } from './secrets.js'

export interface SubmissionDeps {
  checkIdentityProvider: (entry: unknown) => Promise<readonly ConfigProblem[]>
  allowPrivateNetworks: boolean
}

/** An entry that somebody has sent, with what the API adds, and everything that is wrong with it. */
export interface Submission {
  entry: JsonObject
  problems: readonly EntryProblem[]
}

/** The store's own members, and the one that only a refresh of the keys sets. */
const KEPT_BY_STORE = ['revision', 'updatedAt', 'keysRefreshedAt']
const NOT_BY_API = ['check', 'agent', 'lookup', 'bearerTokenFile', 'tenants', 'accessTokens']
const IN_CODE = 'cannot be sent through the API, because it is a function or an object of the program; set it in code'
/** Ids that browsers and proxies remove from a path. */
const DOT_SEGMENTS = ['.', '..']

/** An entry without what only the store may set, and without secrets. */
export function shownRegistration(stored: StoredRegistration): JsonObject {
  return withoutSecrets(withoutStoreMembers({ ...stored }))
}

/**
 * Completes and checks an entry.
 *
 * @param stored what the store has now, if the entry replaces it
 */
export async function inspectEntry(
  sent: JsonObject,
  stored: StoredRegistration | undefined,
  deps: SubmissionDeps,
): Promise<Submission> {
  const known = stored && { ...stored }
  const restored = restoreSecrets(withoutStoreMembers(sent), known)
  const entry = withNetwork(withId(restored.entry, stored))
  const ownProblems = onePerPlace([
    ...restored.problems,
    ...restrictedOptions(entry, known, deps.allowPrivateNetworks),
    ...problemsOfId(entry, stored),
  ])
  const others = await deps.checkIdentityProvider(withoutRefused(entry, ownProblems, stored))
  const problems = [...ownProblems, ...others.filter((each) => !ownProblems.some((own) => isSamePlace(own, each)))]
  return { entry, problems: problems.length > 0 ? problems : problemsOfStoring(entry) }
}

/**
 * The same for an entry that is to be stored.
 *
 * @throws AdminProblem 422 with everything that is wrong with it
 */
export async function requireValid(
  sent: JsonObject,
  stored: StoredRegistration | undefined,
  deps: SubmissionDeps,
): Promise<IdentityProviderRegistration> {
  const { entry, problems } = await inspectEntry(sent, stored, deps)
  if (problems.length > 0) throw invalidEntry(problems)
  const { keysRefreshedAt } = { keysRefreshedAt: undefined, ...stored }
  return { ...entry, ...(keysRefreshedAt !== undefined && { keysRefreshedAt }) } as IdentityProviderRegistration
}

/** An entry as the options have it. */
export function withoutStoreMembers(entry: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !KEPT_BY_STORE.includes(name)))
}

/** A new entry without an `id` gets one that people can recognise. */
function withId(entry: JsonObject, stored: StoredRegistration | undefined): JsonObject {
  if (Object.hasOwn(entry, 'id')) return entry
  return { id: stored?.id ?? createId(ownMember(entry, 'displayName') ?? ownMember(entry, 'name')), ...entry }
}

/** An id from what people call an identity provider, and a random end. */
export function createId(title: unknown): string {
  const text = typeof title === 'string' ? title.slice(0, 200).replace(/^https?:\/\//i, '') : ''
  const words = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[a-z\d]+/g)
  const slug = (words ?? ['identity', 'provider']).join('-').slice(0, 40)
  return `${slug.replace(/-$/, '')}-${randomBytes(5).toString('hex')}`
}

/** Who may use the API may have the server connect to anywhere: by default, to the public internet only. */
function withNetwork(entry: JsonObject): JsonObject {
  const discovery = ownMember(entry, 'discovery') ?? false
  const hasEndpoint = Object.hasOwn(entry, 'jwksUri') || discovery !== false
  return hasEndpoint && !Object.hasOwn(entry, 'network') ? { ...entry, network: 'public' } : entry
}

/**
 * What would reach into the server or its network. What another program has stored may stay, but only for the address that it
 * was stored for.
 */
function restrictedOptions(
  entry: JsonObject,
  stored: JsonObject | undefined,
  allowPrivateNetworks: boolean,
): EntryProblem[] {
  const known = stored !== undefined && hasSameDestination(entry, stored) ? stored : {}
  const isKept = (option: string) => isDeepStrictEqual(ownMember(entry, option), ownMember(known, option))
  const refuse = (option: string, message: string): EntryProblem[] =>
    Object.hasOwn(entry, option) && !isKept(option) ? [{ code: 'invalid', path: [option], message }] : []
  return [
    ...['check', 'agent', 'lookup'].flatMap((option) => refuse(option, IN_CODE)),
    ...refuse('tenants', 'is not possible in a store; register each tenant by itself'),
    ...refuse('accessTokens', 'is not possible in a store'),
    ...refuse('bearerTokenFile', 'cannot be sent through the API, because it names a file of the server; remove it'),
    ...(ownMember(entry, 'allowInsecureHttp') === true
      ? refuse('allowInsecureHttp', 'cannot be set through the API; use an https URL')
      : []),
    ...(ownMember(entry, 'network') === 'any' && !allowPrivateNetworks
      ? refuse(
          'network',
          'got "any"; expected "public"; to allow "any", set the option allowPrivateNetworks of createAdmin',
        )
      : []),
  ]
}

function problemsOfId(entry: JsonObject, stored: StoredRegistration | undefined): EntryProblem[] {
  const id = ownMember(entry, 'id')
  if (stored !== undefined && id !== stored.id) {
    return [{ code: 'fixed', path: ['id'], message: 'cannot change; remove the entry, and add one with the new `id`' }]
  }
  const isDots = typeof id === 'string' && DOT_SEGMENTS.includes(id)
  return isDots
    ? [{ code: 'invalid', path: ['id'], message: 'must not be `.` or `..`, which browsers remove from a path' }]
    : []
}

/** Of a valid entry: what it would lose, or how much it is too large. */
function problemsOfStoring(entry: JsonObject): EntryProblem[] {
  try {
    toStoredText(entry as unknown as IdentityProviderRegistration)
    return []
  } catch (error) {
    const message = String(fieldOf(error, 'message') ?? 'cannot be stored')
    return [{ code: 'invalid', path: [], message }]
  }
}

/**
 * What the checks of the options get: not what is refused already, which would have more problems. And the id that the entry
 * has: with another one it would be a second entry of the same issuer.
 */
function withoutRefused(
  entry: JsonObject,
  problems: readonly EntryProblem[],
  stored: StoredRegistration | undefined,
): JsonObject {
  const refused = problems.flatMap(({ path }) => path[0] ?? []).filter((option) => NOT_BY_API.includes(String(option)))
  const checked = Object.fromEntries(Object.entries(entry).filter(([option]) => !refused.includes(option)))
  return stored === undefined ? checked : { ...checked, id: stored.id }
}

/** The first problem of each place. */
function onePerPlace(problems: readonly EntryProblem[]): EntryProblem[] {
  return problems.filter((each) => problems.find((other) => isSamePlace(other, each)) === each)
}

function isSamePlace(one: EntryProblem, other: EntryProblem): boolean {
  return isDeepStrictEqual([...one.path], [...other.path])
}

/** RFC 7396: members of the patch replace those of the target, and null removes them. */
export function mergePatch(target: unknown, patch: JsonObject): JsonObject {
  const merged = new Map<string, unknown>(isJsonObject(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, isJsonObject(value) ? mergePatch(merged.get(name), value) : value)
  }
  return Object.fromEntries(merged)
}
