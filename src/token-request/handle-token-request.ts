import { type IssueAccessTokenDeps, issueAccessToken } from '../access-token/issue-access-token.js'
import { inContext } from '../assertion/assertion-context.js'
import type { Authorization } from '../authorization/authorization.js'
import { checkGrantType } from '../authorization/check-client.js'
import { type AuthenticateClientDeps, authenticateClient, isWithoutClient } from '../client-auth/authenticate-client.js'
import { presentedSecrets } from '../client-auth/client-secret-methods.js'
import { printable } from '../errors/printable.js'
import { isTokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter, ExchangeEvents } from '../events/exchange-events.js'
import type { GrantHandler } from '../grants/grant.js'
import { isOAuthError, OAuthError } from '../oauth/errors.js'
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

type AuthorizeWithoutClient = NonNullable<GrantHandler['authorizeWithoutClient']>

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
  const { grantType, authorizeWithoutClient } = grant
  if (authorizeWithoutClient === undefined || !isWithoutClient(request)) return answerClient(request, grant, deps)
  return answerWithoutClient(request, { grantType, authorizeWithoutClient }, deps)
}

async function answerClient(
  request: TokenRequest,
  grant: GrantHandler,
  deps: TokenRequestDeps,
): Promise<TokenResponse> {
  const client = await authenticateClient(request, deps)
  const context = { clientId: printable(client.clientId) }
  const act = async () => {
    checkGrantType(client, grant.grantType)
    const authorization = await grant.authorize(request, client)
    return grantAccess(authorization, { grantType: grant.grantType, clientId: client.clientId, context }, deps)
  }
  return inContext(() => context, act)
}

/** The `client_id` of the access token is its subject: RFC 9068 §2.2 requires one, and a subject is never the id of a client. */
async function answerWithoutClient(
  request: TokenRequest,
  { grantType, authorizeWithoutClient }: { grantType: string; authorizeWithoutClient: AuthorizeWithoutClient },
  deps: TokenRequestDeps,
): Promise<TokenResponse> {
  const act = async () => {
    const authorization = await withinAllowance(request, deps, authorizeWithoutClient)
    const context = { withoutClient: true, remoteAddress: printable(request.remoteAddress) } as const
    return grantAccess(authorization, { grantType, clientId: authorization.subject, context }, deps)
  }
  return inContext(() => ({ withoutClient: true }), act)
}

/** Refuses before any cryptography if too many assertions from this address were rejected. */
async function withinAllowance(
  request: TokenRequest,
  { failureLimiter }: TokenRequestDeps,
  authorize: AuthorizeWithoutClient,
): Promise<Authorization> {
  const { remoteAddress } = request
  failureLimiter.checkAddress(remoteAddress)
  try {
    return await authorize(request)
  } catch (error) {
    if (isRejectedAssertion(error)) failureLimiter.countRejectedAssertion(remoteAddress)
    throw error
  }
}

/** `withAdvice` makes an OAuthError of some rejections. */
function isRejectedAssertion(error: unknown): boolean {
  return isTokenRejected(error) || (isOAuthError(error) && error.code === 'invalid_grant')
}

/** Who gets the access token, by which grant, and what the event says about it. */
interface Recipient {
  grantType: string
  clientId: string
  context: Pick<ExchangeEvents['token.issued'], 'clientId' | 'withoutClient' | 'remoteAddress'>
}

async function grantAccess(
  authorization: Authorization,
  { grantType, clientId, context }: Recipient,
  deps: TokenRequestDeps,
): Promise<TokenResponse> {
  const { subject, scopes, identityProvider, kid, bindings, tokenType = 'Bearer', response } = authorization
  const { token, tokenId, expiresIn, expiresAt } = await issueAccessToken(authorization, clientId, deps)
  deps.events.emit('token.issued', {
    subject: printable(subject),
    scopes,
    ...context,
    ...(identityProvider !== undefined && { identityProvider }),
    ...(grantType !== JWT_BEARER_GRANT_TYPE && { grantType }),
    ...(kid !== undefined && { kid }),
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
