import { hasField } from '../errors/field-of.js'
import { closestName } from '../option-checks/unknown-option.js'

/** What a route may require of access tokens, by the names of `RequiredAccessOptions`. */
const ACCESS = ['scope', 'anyScope', 'requiredClaims', 'allowedSubjects', 'resource', 'issuers', 'check'] as const
/** Options of `protect` that mean nothing to Passport. */
const OF_PROTECT = new Set(['optional', 'getToken', 'passErrors', 'jsonErrors'])
/** Options of Passport and of the guards of Nest, which are never ours. */
const OF_PASSPORT = new Set([
  ...['session', 'keepSessionInfo', 'pauseStream', 'authInfo', 'assignProperty', 'userProperty', 'property'],
  ...['successRedirect', 'successReturnToOrRedirect', 'successFlash', 'successMessage', 'defaultStrategy'],
  ...['failureRedirect', 'failureFlash', 'failureMessage', 'failWithError', 'passReqToCallback', 'state', 'prompt'],
])
/** What a misspelled option of ours would still contain. */
const LIKE_OURS = /scop|claim|subject|resource|issuer|check|audience|^(?:aud|iss|sub)$/i

/**
 * The options of `passport.authenticate` that say who may use a route, even if misspelled: an option that is overlooked would
 * leave the route open. The others are of Passport, or of other strategies in the array.
 */
export function routeOptions(options: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof options !== 'object' || options === null) return undefined
  const names: string[] = []
  // An inherited option is meant as well, but not what every object inherits.
  for (const name in options) if (isMeantAsOurs(name)) names.push(name)
  // A getter of a class is not enumerable.
  for (const name of ACCESS) if (name in options) names.push(name)
  const found = names.filter((name) => hasField(options, name))
  return found.length === 0 ? undefined : Object.fromEntries(found.map((name) => [name, Reflect.get(options, name)]))
}

function isMeantAsOurs(name: string): boolean {
  if (OF_PASSPORT.has(name)) return false
  return LIKE_OURS.test(name) || OF_PROTECT.has(name) || closestName(name, ACCESS) !== undefined
}
