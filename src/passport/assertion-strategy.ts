import { ConfigError } from '../option-checks/config-error.js'
import {
  type AssertedCaller,
  type AuthenticateAssertionDeps,
  authenticateAssertion,
} from '../protected-route/authenticate-assertion.js'
import type { Denials } from './denials.js'
import { createPromiseStrategy, type Judge, type PassportStrategy } from './promise-strategy.js'
import { scopeOptions } from './scope-options.js'

/**
 * `'jwt-assertion'`: authenticates a request by an identity provider's assertion as the bearer token, for services that
 * want no exchange; `req.user` is the `AssertedCaller`. With `replay: 'once'` each request needs another assertion. An
 * assertion has no scopes: a route that requires some goes to the error handler with a ConfigError.
 */
export function createAssertionStrategy(deps: AuthenticateAssertionDeps, denials: Denials): PassportStrategy {
  const judge: Judge<AssertedCaller> = async (req, options) => {
    const [name] = Object.keys(scopeOptions(options))
    if (name !== undefined) throw scopeWithoutMeaning(name)
    return authenticateAssertion(req, deps)
  }
  return createPromiseStrategy('jwt-assertion', judge, denials)
}

function scopeWithoutMeaning(name: string): ConfigError {
  return new ConfigError([{ path: [name], found: 'an option', wanted: 'none: an assertion has no scopes' }])
}
