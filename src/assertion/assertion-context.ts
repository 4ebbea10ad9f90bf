import { type Eventual, isPending } from '../clock/when-ready.js'
import { printable } from '../errors/printable.js'
import {
  DependencyUnavailable,
  type GrantContext,
  isDependencyUnavailable,
  isTokenRejected,
  type TokenContext,
} from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { UnverifiedHeader, UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isOAuthError } from '../oauth/errors.js'

/** What an event says of an assertion that was refused, or used. */
export function contextOf({ header, payload }: UnverifiedJwt, identityProvider?: IdentityProvider): TokenContext {
  const iss = ownMember(payload, 'iss')
  return {
    ...contextOfHeader(header),
    ...(identityProvider !== undefined && { identityProvider: identityProvider.id }),
    ...(identityProvider === undefined && typeof iss === 'string' && { issuer: printable(iss) }),
  }
}

/** The same for an assertion whose payload was not decoded. */
export function contextOfHeader({ alg, kid }: UnverifiedHeader): TokenContext {
  return { algorithm: printable(alg), ...(kid !== undefined && { kid: printable(kid) }) }
}

/**
 * Runs `act`. Every error that it throws or rejects with gets the context, even an error of our own code.
 *
 * @param describe gives the context, which only an error needs
 */
export function inContext<Result>(
  describe: () => TokenContext & GrantContext,
  act: () => Eventual<Result>,
): Eventual<Result> {
  const rethrow = (thrown: unknown): never => {
    throw addContext(thrown, describe())
  }
  try {
    const acting = act()
    return isPending(acting) ? acting.catch(rethrow) : acting
  } catch (thrown) {
    return rethrow(thrown)
  }
}

function addContext(thrown: unknown, context: TokenContext & GrantContext): Error {
  const isOurs = isTokenRejected(thrown) || isDependencyUnavailable(thrown) || isOAuthError(thrown)
  const error = isOurs ? thrown : new DependencyUnavailable('internal_error', { cause: thrown })
  error.context = { ...error.context, ...context }
  return error
}
