import { isDependencyUnavailable } from '../errors/rejections.js'
import { type AdminDeps, type AdminRequest, type AdminRoute, checkMembers } from './admin-request.js'
import type { Answer } from './answer.js'
import { itemAnswer, noteSaved, requireItem } from './identity-provider-routes.js'
import { unavailable } from './problem.js'

/** What takes effect at once, for an entry of the store or of the options. */
export const TRUST_ROUTES: readonly AdminRoute[] = [
  { method: 'POST', path: '/identity-providers/{id}/disable', handle: disable },
  { method: 'POST', path: '/identity-providers/{id}/enable', handle: enable },
  { method: 'POST', path: '/identity-providers/{id}/refresh-keys', handle: refreshKeys },
]

async function disable(request: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const here = 'The store failed. The identity provider is switched off in this process only. Try again.'
  return switchTrust('disabled', request, deps, here, (id) => deps.exchange.disableIdentityProvider(id))
}

async function enable(request: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const unknown = 'The store failed. The identity provider may or may not be switched on. Try again.'
  return switchTrust('enabled', request, deps, unknown, (id) => deps.exchange.enableIdentityProvider(id))
}

async function switchTrust(
  action: 'disabled' | 'enabled',
  { id, by, readBody }: AdminRequest,
  deps: AdminDeps,
  failure: string,
  act: (id: string) => void | Promise<void>,
): Promise<Answer> {
  checkMembers(await readBody(), [])
  await requireItem(id, deps)
  try {
    await deps.inTime(async () => act(id))
  } catch (error) {
    throw isDependencyUnavailable(error) ? unavailable(failure) : error
  }
  const item = await requireItem(id, deps)
  noteSaved(action, item, by, deps)
  return itemAnswer(item)
}

async function refreshKeys({ id, readBody }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  checkMembers(await readBody(), [])
  await requireItem(id, deps)
  try {
    await deps.fetchLimit.run(async () => deps.exchange.refreshKeys(id))
  } catch (error) {
    const failure = 'The keys cannot be fetched now. The old keys remain in use: GET …/keys says why.'
    throw isDependencyUnavailable(error) ? unavailable(failure, error.retryAfter) : error
  }
  return itemAnswer(await requireItem(id, deps))
}
