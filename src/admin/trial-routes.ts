import type { IdentityProviderStats } from '../exchange/stats.js'
import type { StoredRegistration } from '../identity-provider-store/identity-provider-store.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { type AdminDeps, type AdminRequest, type AdminRoute, checkMembers, notFound } from './admin-request.js'
import { type Answer, json } from './answer.js'
import { keysOf } from './identity-provider-item.js'
import { submissionDeps } from './identity-provider-routes.js'
import { AdminProblem, invalidEntry } from './problem.js'
import type { JsonObject } from './read-json.js'
import { inspectEntry, type Submission, withoutStoreMembers } from './submitted-entry.js'

/** They try something, and change nothing. */
export const TRIAL_ROUTES: readonly AdminRoute[] = [
  { method: 'POST', path: '/identity-providers/check', handle: checkEntry },
  { method: 'POST', path: '/identity-providers/test', handle: testEntry },
  { method: 'POST', path: '/identity-providers/discover', handle: discover },
  { method: 'POST', path: '/identity-providers/{id}/test', handle: testStored },
  { method: 'GET', path: '/identity-providers/{id}/keys', handle: getKeys },
  { method: 'POST', path: '/explain', handle: explain },
]

async function checkEntry({ readBody }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const { problems } = await inspectSent(await readBody(), deps)
  return json({ problems })
}

async function testEntry({ readBody }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const { entry, problems } = await inspectSent(await readBody(), deps)
  if (problems.length > 0) throw invalidEntry(problems)
  return json(await fetchKeys(entry, deps))
}

async function testStored({ id, readBody }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  checkMembers(await readBody(), [])
  const stored = await deps.store?.get(id)
  if (stored !== undefined) return json(await fetchKeys(withoutStoreMembers({ ...stored }), deps))
  if (deps.identityProviders.find(id) === undefined) throw notFound()
  throw new AdminProblem(
    'read-only',
    'Only entries of the store can be tested. Use refresh-keys, which fetches the keys.',
    {
      headers: { Allow: 'GET, HEAD' },
    },
  )
}

/** The keys in use; the keys of one that this process does not use are fetched, and not kept. */
async function getKeys({ id }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const loaded = deps.identityProviders.find(id)
  if (loaded !== undefined) return json({ keys: loaded.keys })
  const stored = await deps.store?.get(id)
  if (stored === undefined) throw notFound()
  const { keys } = await fetchKeys(withoutStoreMembers({ ...stored }), deps)
  return json({ keys })
}

async function discover({ readBody }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const body = await readBody()
  checkMembers(body, ['issuer', 'network'])
  const network = ownMember(body, 'network') ?? 'public'
  if (network !== 'public' && (network !== 'any' || !deps.allowPrivateNetworks)) {
    const message = 'expected "public"; "any" is possible if the admin has the option allowPrivateNetworks'
    throw invalidEntry([{ code: 'invalid', path: ['network'], message }])
  }
  const { discoverIssuer } = await import('./discover-issuer.js')
  const { now, closing } = deps
  const found = await deps.fetchLimit.run(() =>
    discoverIssuer(ownMember(body, 'issuer'), { network, now: now(), closing }),
  )
  return json(found)
}

/** The assertion is in no event, no log and no answer. */
async function explain({ readBody }: AdminRequest, { exchange }: AdminDeps): Promise<Answer> {
  const body = await readBody()
  const { assertion, ...options } = { assertion: undefined, ...body }
  return json(await exchange.explain(assertion as unknown as string, options))
}

/** An entry in the member `entry`; it may replace the one with its id. */
async function inspectSent(body: JsonObject, deps: AdminDeps): Promise<Submission> {
  checkMembers(body, ['entry'])
  const entry = ownMember(body, 'entry')
  if (!isJsonObject(entry)) throw invalidEntry([{ code: 'wrong_type', path: ['entry'], message: 'expected an object' }])
  return inspectEntry(entry, await findStored(entry, deps), submissionDeps(deps))
}

async function findStored(entry: JsonObject, { store }: AdminDeps): Promise<StoredRegistration | undefined> {
  const id = ownMember(entry, 'id')
  return typeof id === 'string' ? store?.get(id) : undefined
}

async function fetchKeys(entry: JsonObject, { exchange, fetchLimit }: AdminDeps) {
  const stats: IdentityProviderStats = await fetchLimit.run(() => exchange.testIdentityProvider(entry))
  const { id, name, alias, enabled } = stats
  return { id, name, alias, enabled, keys: keysOf(stats) }
}
