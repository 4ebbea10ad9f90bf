import { type VerifyIssuedTokenDeps, verifyIssuedToken } from '../access-token/verify-issued-token.js'
import type { AuthenticateClientDeps } from '../client-auth/authenticate-client.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { keptUntil } from '../revocation/revocation-lifetime.js'
import type { Revocations } from '../revocation/revocations.js'
import { ifAccepted, isIssuedTo, withTokenOfClient } from './token-of-client.js'

export interface RevokeTokenDeps extends AuthenticateClientDeps, VerifyIssuedTokenDeps {
  revocations: Pick<Revocations, 'add' | 'checkRoomForClients'>
  events: ExchangeEventEmitter
}

/**
 * Revokes an access token for the client that it was issued to (RFC 7009 §2). A token that is not valid needs no revocation, so it
 * is not an error (§2.2).
 *
 * @throws OAuthError `invalid_request` for a token of another client
 * @throws OAuthError, DependencyUnavailable
 */
export function revokeToken(request: TokenRequest, deps: RevokeTokenDeps): Promise<void> {
  return withTokenOfClient(request, deps, async (token, client) => {
    const issued = await ifAccepted(() => verifyIssuedToken(token, deps))
    if (issued === undefined) return
    if (!isIssuedTo(client, issued)) throw new OAuthError('invalid_request', 'The token was issued to another client')
    const { tokenId, sub, clientId, expiresAt } = issued
    deps.revocations.checkRoomForClients()
    await deps.revocations.add({ kind: 'token', value: tokenId, expiresAt: keptUntil(expiresAt) })
    const named = { tokenId: printable(tokenId), subject: printable(sub), clientId: printable(clientId) }
    deps.events.emit('token.revoked', { by: 'client', ...named, expiresAt })
  })
}
