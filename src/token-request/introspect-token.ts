import type { AccessToken, AccessTokenVerifier } from '../access-token/access-token.js'
import type { AuthenticateClientDeps } from '../client-auth/authenticate-client.js'
import type { Client } from '../client-auth/client-options.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { normaliseResource } from '../oauth/resource.js'
import { IDENTITY_PROVIDER_CLAIM } from '../oauth/scope.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { ifAccepted, isIssuedTo, withTokenOfClient } from './token-of-client.js'

export interface IntrospectTokenDeps extends AuthenticateClientDeps {
  /** Verifies access tokens of this service, and no others. */
  verifyOwnToken: AccessTokenVerifier
}

/** The claims that a client may see. What else is in a token may be for its resource only. */
const SHOWN_CLAIMS = ['scope', 'client_id', 'exp', 'iat', 'nbf', 'sub', 'aud', 'iss', 'jti', IDENTITY_PROVIDER_CLAIM]

/**
 * Answers whether an access token of this service is valid now (RFC 7662 §2.2). A token that the client may not see is like one
 * that does not exist.
 *
 * @throws OAuthError, DependencyUnavailable
 */
export function introspectToken(request: TokenRequest, deps: IntrospectTokenDeps): Promise<object> {
  return withTokenOfClient(request, deps, async (token, client) => {
    const accessToken = await ifAccepted(() => deps.verifyOwnToken(token))
    if (accessToken === undefined || !maySee(client, accessToken)) return { active: false }
    const { payload } = accessToken
    const claims = SHOWN_CLAIMS.map((name) => [name, ownMember(payload, name)] as const)
    const shown = Object.fromEntries(claims.filter(([, value]) => value !== undefined))
    return { active: true, token_type: 'Bearer', ...shown }
  })
}

/** Its own tokens, and tokens for its resources. */
function maySee(client: Client, accessToken: AccessToken): boolean {
  if (isIssuedTo(client, accessToken)) return true
  const resources = [...(client.resources ?? [])].map(normaliseResource)
  return accessToken.audience.some((audience) => resources.includes(normaliseResource(audience)))
}
