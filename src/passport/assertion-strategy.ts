import { type AuthenticateAssertionDeps, authenticateAssertion } from '../assertion/authenticate-assertion.js'
import { createPromiseStrategy, type PassportStrategy } from './promise-strategy.js'

/**
 * `'jwt-assertion'`: authenticates a request by an identity provider's assertion as the bearer token, for services that
 * want no exchange; `req.user` is the `AssertedCaller`. With `replay: 'once'` each request needs another assertion.
 */
export function createAssertionStrategy(deps: AuthenticateAssertionDeps): PassportStrategy {
  return createPromiseStrategy('jwt-assertion', (req) => authenticateAssertion(req, deps))
}
