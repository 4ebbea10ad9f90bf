import { type IssueAccessTokenDeps, issueAccessToken } from '../access-token/issue-access-token.js'
import { inContext } from '../assertion/assertion-context.js'
import { checkGrantType } from '../authorization/check-client.js'
import { type AuthenticateClientDeps, authenticateClient } from '../client-auth/authenticate-client.js'
import type { Client } from '../client-auth/client-options.js'
import { presentedSecrets } from '../client-auth/client-secret-methods.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { GrantHandler } from '../grants/grant.js'
import { OAuthError } from '../oauth/errors.js'
import { JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import { checkRepeated, REPEATABLE_PARAMETERS, type TokenRequest } from '../oauth/token-request.js'

const URI = /^(?:urn:|https?:\/\/)[^@]*$/i
/** No name of a grant type has a digit, or a capital in the middle of a word. */
const LIKE_SECRET = /\d|[a-z][A-Z]/
const WITHHELD = '(withheld: it may be a secret)'

/** RFC 6749 §5.1, and further members of a grant. */
export interface TokenResponse {
  access_token: string
  token_type: string
  expires_in: number
  scope?: string
}

export interface TokenRequestDeps extends AuthenticateClientDeps, IssueAccessTokenDeps {
  /** By grant type. */
  grants: ReadonlyMap<string, GrantHandler>
  events: ExchangeEventEmitter
}

/**
 * One token request, top to bottom.
 *
 * @throws OAuthError, TokenRejected, DependencyUnavailable: see `toRefusal`
 */
export async function handleTokenRequest(request: TokenRequest, deps: TokenRequestDeps): Promise<TokenResponse> {
  const grant = requireGrant(request, deps.grants)
  const client = await authenticateClient(request, deps)
  return inContext({ clientId: printable(client.clientId) }, () => grantAccess(client, grant, request, deps))
}

async function grantAccess(
  client: Client,
  grant: GrantHandler,
  request: TokenRequest,
  deps: TokenRequestDeps,
): Promise<TokenResponse> {
  checkGrantType(client, grant.grantType)
  const authorization = await grant.authorize(request, client)
  const { subject, scopes, identityProvider, kid, bindings, tokenType = 'Bearer', response } = authorization
  const issued = await issueAccessToken(authorization, client.clientId, deps)
  const { token, tokenId, expiresIn, expiresAt } = issued
  deps.events.emit('token.issued', {
    clientId: client.clientId,
    ...(identityProvider !== undefined && { identityProvider }),
    ...(grant.grantType !== JWT_BEARER_GRANT_TYPE && { grantType: grant.grantType }),
    ...(kid !== undefined && { kid }),
    subject: printable(subject),
    scopes,
    ...(bindings.length > 0 && { bindings: bindings.map(printable) }),
    tokenId,
    expiresAt,
  })
  return {
    ...response,
    access_token: token,
    token_type: tokenType,
    expires_in: expiresIn,
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  }
}

function requireGrant(request: TokenRequest, grants: TokenRequestDeps['grants']): GrantHandler {
  const grantType = request.one('grant_type')
  if (grantType === undefined) throw new OAuthError('invalid_request', 'The parameter grant_type is missing')
  const grant = grants.get(grantType)
  checkRepeated(request, grant?.repeatableParameters ?? REPEATABLE_PARAMETERS)
  if (grant !== undefined) return grant
  const refusal = new OAuthError('unsupported_grant_type', 'This grant type is not supported')
  refusal.context = { grantType: mayBeSecret(grantType, request) ? WITHHELD : printable(grantType) }
  throw refusal
}

/** A parameter in the wrong place: the event must not show a secret. */
function mayBeSecret(grantType: string, request: TokenRequest): boolean {
  const secrets = [...presentedSecrets(request), ...request.all('assertion'), ...request.all('client_assertion')]
  if (secrets.some((secret) => grantType.includes(secret))) return true
  return !URI.test(grantType) && LIKE_SECRET.test(grantType)
}
