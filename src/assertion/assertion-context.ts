import { printable } from '../errors/printable.js'
import { isDependencyUnavailable, isTokenRejected, type TokenContext } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isOAuthError } from '../oauth/errors.js'

/** What an event tells of an assertion that was refused, or used. */
export function contextOf({ header, payload }: UnverifiedJwt, identityProvider?: IdentityProvider): TokenContext {
  const { iss } = payload
  return {
    algorithm: printable(header.alg),
    ...(header.kid !== undefined && { kid: printable(header.kid) }),
    ...(identityProvider !== undefined && { identityProvider: identityProvider.name }),
    ...(identityProvider === undefined && typeof iss === 'string' && { issuer: printable(iss) }),
  }
}

/** Does something with an assertion; what is thrown tells which assertion it was. */
export async function inContext<Result>(context: TokenContext, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act()
  } catch (error) {
    if (isTokenRejected(error) || isDependencyUnavailable(error) || isOAuthError(error)) {
      error.context = { ...error.context, ...context }
    }
    throw error
  }
}
