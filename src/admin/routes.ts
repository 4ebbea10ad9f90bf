import type { AdminRoute } from './admin-request.js'
import { IDENTITY_PROVIDER_ROUTES } from './identity-provider-routes.js'
import { IMPORT_ROUTES } from './import-routes.js'
import { PAGE_ROUTES } from './page-routes.js'
import { AdminProblem } from './problem.js'
import { REPORT_ROUTES } from './report-routes.js'
import { TRIAL_ROUTES } from './trial-routes.js'
import { TRUST_ROUTES } from './trust-routes.js'

/** Every route; all that a new one needs is a row in one of these tables. */
export const ROUTES: readonly AdminRoute[] = [
  ...PAGE_ROUTES,
  ...IDENTITY_PROVIDER_ROUTES,
  ...TRUST_ROUTES,
  ...TRIAL_ROUTES,
  ...IMPORT_ROUTES,
  ...REPORT_ROUTES,
]

/**
 * The route of a request, and the id in its path.
 *
 * @param path relative to the mount point, still encoded
 * @throws AdminProblem 404, 405
 */
export function findRoute(method: string, path: string): { route: AdminRoute; id: string } {
  const found = ROUTES.flatMap((route) => {
    const id = matchPath(path, route.path)
    return id === undefined ? [] : [{ route, id }]
  })
  if (found.length === 0) throw new AdminProblem('not-found', 'There is no such path in the admin API.')
  const wanted = method === 'HEAD' ? 'GET' : method
  const match = found.find(({ route }) => route.method === wanted)
  if (match !== undefined) return match
  const methods = found.map(({ route }) => (route.method === 'GET' ? 'GET, HEAD' : route.method))
  throw new AdminProblem('method-not-allowed', 'This path does not have this method.', {
    headers: { Allow: methods.join(', ') },
  })
}

/** The decoded id, empty if the route has none; undefined: another path. */
function matchPath(path: string, template: string): string | undefined {
  const [segments, wanted] = [path.split('/'), template.split('/')]
  if (segments.length !== wanted.length) return undefined
  const at = wanted.indexOf('{id}')
  const id = at === -1 ? '' : decode(segments[at] ?? '')
  const isOther = (segment: string, index: number) => index !== at && segment !== wanted[index]
  return segments.some(isOther) || (at !== -1 && id === '') ? undefined : id
}

/** Empty if it is not well-formed. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return ''
  }
}
