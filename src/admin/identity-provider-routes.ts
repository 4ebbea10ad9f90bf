import type {
  IdentityProviderRegistration,
  ListOptions,
  StoredRegistration,
} from '../identity-provider-store/identity-provider-store.js'
import { isRevisionConflict } from '../identity-provider-store/identity-provider-store.js'
import { isStorableId } from '../identity-provider-store/storable-registration.js'
import { ownMember } from '../jwt/parse-json-object.js'
import {
  type AdminDeps,
  type AdminRequest,
  type AdminRoute,
  emit,
  notFound,
  readOnly,
  readQuery,
  requireStore,
} from './admin-request.js'
import { type Answer, json } from './answer.js'
import { checkIfMatch, entityTagOf, isNotModified } from './entity-tag.js'
import type { IdentityProviderItem } from './identity-provider-item.js'
import { AdminProblem, storeFailed } from './problem.js'
import { mergePatch, requireValid, type SubmissionDeps, shownRegistration } from './submitted-entry.js'

/** The identity providers of a page of the list. */
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
/** Characters. */
const MAX_SEARCH = 200

export const IDENTITY_PROVIDER_ROUTES: readonly AdminRoute[] = [
  { method: 'GET', path: '/identity-providers', handle: listIdentityProviders },
  { method: 'POST', path: '/identity-providers', handle: createIdentityProvider },
  { method: 'GET', path: '/identity-providers/{id}', handle: getIdentityProvider },
  { method: 'PUT', path: '/identity-providers/{id}', handle: replaceIdentityProvider },
  { method: 'PATCH', path: '/identity-providers/{id}', handle: patchIdentityProvider },
  { method: 'DELETE', path: '/identity-providers/{id}', handle: deleteIdentityProvider },
]

/** The answer for one identity provider. */
export function itemAnswer(item: IdentityProviderItem, status = 200, headers: Readonly<Record<string, string>> = {}) {
  const tag = item.revision === undefined ? {} : { ETag: entityTagOf(item.revision) }
  return json(item, status, { ...tag, ...headers })
}

export function submissionDeps({ exchange, inTime, allowPrivateNetworks }: AdminDeps): SubmissionDeps {
  return {
    checkIdentityProvider: (entry) => {
      // It rejects only if the store does, which it asks for others of the same name.
      const check = async () => exchange.checkIdentityProvider(entry)
      return inTime(() => check().catch((error: unknown) => Promise.reject(storeFailed(error))))
    },
    allowPrivateNetworks,
  }
}

/** A stored one, or one of the options. @throws AdminProblem 404, 503 */
export async function requireItem(id: string, deps: AdminDeps): Promise<IdentityProviderItem> {
  const loaded = deps.identityProviders
  const fixed = loaded.findUnstored(id)
  if (fixed !== undefined) return fixed
  const stored = await deps.store?.get(id)
  if (stored === undefined) throw notFound()
  return loaded.itemOf(stored)
}

/** @throws AdminProblem 404; 405 for one of the options */
export async function requireStored(id: string, deps: AdminDeps): Promise<StoredRegistration> {
  const stored = await requireStore(deps).get(id)
  if (stored !== undefined) return stored
  throw deps.identityProviders.findUnstored(id) === undefined ? notFound() : readOnly()
}

async function listIdentityProviders({ query }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const asked = readQuery(query, {
    after: isStorableId,
    limit: (text) => /^[1-9]\d{0,3}$/.test(text) && Number(text) <= MAX_LIMIT,
    search: (text) => text.length <= MAX_SEARCH && text.isWellFormed() && !text.includes('\0'),
    enabled: (text) => text === 'true' || text === 'false',
  })
  const limit = Number(asked.get('limit') ?? DEFAULT_LIMIT)
  const [after, search, enabled] = [asked.get('after'), asked.get('search'), asked.get('enabled')]
  const options: ListOptions = {
    limit,
    ...(after !== undefined && { after }),
    ...(search !== undefined && search !== '' && { search }),
    ...(enabled !== undefined && { enabled: enabled === 'true' }),
  }
  const loaded = deps.identityProviders
  const fixed = after === undefined ? loaded.unstored().filter((each) => isListed(each, options)) : []
  const stored = deps.store === undefined ? [] : await deps.store.list(options)
  const next = stored.length < limit ? null : (stored.at(-1)?.id ?? null)
  const identityProviders = [...fixed, ...stored.map((each) => loaded.itemOf(each))]
  return json({ identityProviders, next, isReadOnly: deps.store === undefined })
}

function isListed({ id, name, enabled }: IdentityProviderItem, options: ListOptions): boolean {
  const { search = '', enabled: wanted = enabled } = options
  const isFound = [id, name].some((text) => text.toLowerCase().includes(search.toLowerCase()))
  return isFound && enabled === wanted
}

async function getIdentityProvider({ req, id }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const item = await requireItem(id, deps)
  if (item.revision !== undefined && isNotModified(req, item.revision)) {
    return { status: 304, headers: { ETag: entityTagOf(item.revision) } }
  }
  return itemAnswer(item)
}

async function createIdentityProvider({ readBody, by }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  requireStore(deps)
  const body = await readBody()
  checkUnused(ownMember(body, 'id'), deps)
  const stored = await storeNew(await requireValid(body, undefined, submissionDeps(deps)), deps)
  noteSaved('created', stored, by, deps)
  // A relative reference, so that it is right behind a proxy that rewrites paths.
  const headers = { Location: `./identity-providers/${encodeURIComponent(stored.id)}` }
  return itemAnswer(deps.identityProviders.itemOf(stored), 201, headers)
}

/** @throws AdminProblem 409 if the id is in use */
export async function storeNew(entry: IdentityProviderRegistration, deps: AdminDeps): Promise<StoredRegistration> {
  checkUnused(entry.id, deps)
  try {
    return await requireStore(deps).put(entry, { ifRevision: null })
  } catch (error) {
    throw isRevisionConflict(error) ? alreadyExists() : error
  }
}

/** Before the entry is checked, which would find that both are one. */
function checkUnused(id: unknown, deps: AdminDeps): void {
  const isUsed = typeof id === 'string' && deps.identityProviders.findUnstored(id) !== undefined
  if (isUsed) throw alreadyExists()
}

function alreadyExists(): AdminProblem {
  return new AdminProblem('already-exists', 'Another identity provider has this id. Choose another one.')
}

export function noteSaved(
  action: 'created' | 'replaced' | 'patched' | 'imported' | 'disabled' | 'enabled',
  { id, revision }: Pick<IdentityProviderItem, 'id' | 'revision'>,
  by: string | undefined,
  { exchange }: AdminDeps,
): void {
  const optional = { ...(revision !== undefined && { revision }), ...(by !== undefined && { by }) }
  emit(exchange, 'identity_provider.saved', { identityProvider: id, action, ...optional })
}

async function replaceIdentityProvider(request: AdminRequest, deps: AdminDeps): Promise<Answer> {
  return replace('replaced', request, deps, (body) => body)
}

async function patchIdentityProvider(request: AdminRequest, deps: AdminDeps): Promise<Answer> {
  // What is shown is patched, so that a patch of the address alone cannot send a stored secret there.
  return replace('patched', request, deps, (body, stored) => mergePatch(shownRegistration(stored), body))
}

async function replace(
  action: 'replaced' | 'patched',
  { req, id, by, readBody }: AdminRequest,
  deps: AdminDeps,
  entryOf: (body: Readonly<Record<string, unknown>>, stored: StoredRegistration) => Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const body = await readBody()
  const stored = await requireStored(id, deps)
  checkIfMatch(req, stored.revision)
  const entry = await requireValid(entryOf(body, stored), stored, submissionDeps(deps))
  const saved = await requireStore(deps).put(entry, { ifRevision: stored.revision })
  noteSaved(action, saved, by, deps)
  return itemAnswer(deps.identityProviders.itemOf(saved))
}

async function deleteIdentityProvider({ req, id, by }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const { revision } = await requireStored(id, deps)
  checkIfMatch(req, revision)
  if (!(await requireStore(deps).remove(id, { ifRevision: revision }))) throw notFound()
  emit(deps.exchange, 'identity_provider.deleted', { identityProvider: id, ...(by !== undefined && { by }) })
  return { status: 204 }
}
