import { inContext } from '../assertion/assertion-context.js'
import { type AuthenticateClientDeps, authenticateClient } from '../client-auth/authenticate-client.js'
import type { Client } from '../client-auth/client-options.js'
import { printable } from '../errors/printable.js'
import { isTokenRejected } from '../errors/rejections.js'
import { OAuthError } from '../oauth/errors.js'
import { checkRepeated, type TokenRequest } from '../oauth/token-request.js'

/**
 * A request about a token (RFC 7662 §2.1, RFC 7009 §2.1). Only a client with credentials may send it. `token_type_hint` is ignored:
 * there is one kind of token.
 *
 * @throws OAuthError, DependencyUnavailable
 */
export async function withTokenOfClient<Result>(
  request: TokenRequest,
  deps: AuthenticateClientDeps,
  act: (token: string, client: Client) => Promise<Result>,
): Promise<Result> {
  checkRepeated(request, [])
  const client = await authenticateClient(request, deps)
  const actOnToken = () => {
    const token = request.one('token')
    if (token === undefined) throw new OAuthError('invalid_request', 'The parameter token is missing')
    return act(token, client)
  }
  return inContext(() => ({ clientId: printable(client.clientId) }), actOnToken)
}

/** A token that was issued without a client has its subject as `client_id`. A client with this id does not own it. */
export function isIssuedTo(client: Client, { clientId, sub }: { clientId: string | undefined; sub: string }): boolean {
  return clientId === client.clientId && sub !== clientId
}

/** undefined: the token is not valid. @throws DependencyUnavailable */
export async function ifAccepted<Verified>(verify: () => Verified | Promise<Verified>): Promise<Verified | undefined> {
  try {
    return await verify()
  } catch (error) {
    if (isTokenRejected(error)) return undefined
    throw error
  }
}
