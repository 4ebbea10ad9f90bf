import { type IssueAccessTokenDeps, issueAccessToken } from '../access-token/issue-access-token.js'
import { type AuthenticateClientDeps, authenticateClient } from '../client-auth/authenticate-client.js'
import { checkGrantType } from '../client-auth/check-grant-type.js'
import type { ClientCredentials } from '../client-auth/client-credentials.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { Grant, TokenRequestParameters } from '../grants/grant.js'
import { OAuthError } from '../oauth/errors.js'

/** A token request without its HTTP. */
export interface TokenRequest {
  parameters: TokenRequestParameters
  credentials: ClientCredentials | undefined
  remoteAddress: string
}

/** RFC 6749 §5.1. */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  scope?: string
}

export interface TokenRequestDeps extends AuthenticateClientDeps, IssueAccessTokenDeps {
  /** By grant type. */
  grants: ReadonlyMap<string, Grant>
  events: ExchangeEventEmitter
}

/**
 * One token request, top to bottom.
 *
 * @throws OAuthError, TokenRejected, DependencyUnavailable: see `toRefusal`
 */
export async function handleTokenRequest(request: TokenRequest, deps: TokenRequestDeps): Promise<TokenResponse> {
  const grant = findGrant(request.parameters, deps.grants)
  const client = await authenticateClient(request.credentials, request.remoteAddress, deps)
  checkGrantType(client, grant.grantType)
  const { kid, grants, ...authorization } = await grant.authorize(request.parameters, client)
  const { subject, scopes, identityProvider } = authorization
  const issued = await issueAccessToken({ ...authorization, clientId: client.clientId }, deps)
  const { token, tokenId, expiresIn, expiresAt } = issued
  deps.events.emit('token.issued', {
    clientId: client.clientId,
    identityProvider,
    ...(kid !== undefined && { kid }),
    subject: printable(subject),
    scopes,
    ...(grants.length > 0 && { grants: grants.map(printable) }),
    tokenId,
    expiresAt,
  })
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: expiresIn,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  }
}

function findGrant(parameters: TokenRequestParameters, grants: TokenRequestDeps['grants']): Grant {
  const grantType = parameters.one('grant_type')
  if (grantType === undefined) throw new OAuthError('invalid_request', 'The parameter grant_type is missing')
  const grant = grants.get(grantType)
  if (grant === undefined) throw new OAuthError('unsupported_grant_type', 'This grant type is not supported')
  return grant
}
