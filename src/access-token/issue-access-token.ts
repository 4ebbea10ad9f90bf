import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import { createJwtSigner, type SignJwt } from '../jwt/signatures.js'
import { ACCESS_TOKEN_TYPE, IDENTITY_PROVIDER_CLAIM } from '../oauth/scope.js'
import type { SigningKeys } from '../signing-keys/signing-keys.js'

export interface IssueAccessTokenDeps {
  issuer: string
  lifetime: number
  signAccessToken: SignJwt
  clock: Clock
}

/** What is issued to a client. */
export interface AccessTokenRequest {
  subject: string
  /** Never more than the client and the identity provider may have. */
  scopes: readonly string[]
  /** The `aud`: some of the audiences of the exchange. */
  audiences: ReadonlySet<string>
  /** Further claims, in addition to the claims that every access token has. */
  claims: Readonly<Record<string, unknown>>
  /** Seconds, at most; infinite if only the exchange bounds it. */
  lifetime: number
  /** Seconds since the epoch, at the latest, when it expires; infinite if nothing bounds it. */
  latestExpiry: number
  /** The `id` of the identity provider that vouches for the subject; undefined if that is another party. */
  identityProvider: string | undefined
}

export interface IssuedAccessToken {
  token: string
  tokenId: string
  /** Seconds. */
  expiresIn: number
  /** Seconds since the epoch. */
  expiresAt: number
}

/** Signs by the active signing key, with the header of RFC 9068 §2.1. */
export function createAccessTokenSigner({ active }: SigningKeys): SignJwt {
  return createJwtSigner({ alg: active.algorithm, typ: ACCESS_TOKEN_TYPE, kid: active.kid }, active.privateKey)
}

/**
 * Signs an access token with the claims of RFC 9068 §2.2, and one that names the identity provider, if there is one.
 *
 * @throws TokenRejected `expired` if not even a second is left
 */
export async function issueAccessToken(
  request: AccessTokenRequest,
  clientId: string,
  deps: IssueAccessTokenDeps,
): Promise<IssuedAccessToken> {
  const issuedAt = Math.floor(deps.clock.now())
  const expiresAt = Math.min(issuedAt + Math.min(deps.lifetime, request.lifetime), request.latestExpiry)
  if (expiresAt <= issuedAt) throw new TokenRejected('expired')
  const tokenId = randomUUID()
  const [audience = '', ...otherAudiences] = request.audiences
  const claims = {
    ...request.claims,
    iss: deps.issuer,
    sub: request.subject,
    aud: otherAudiences.length === 0 ? audience : [audience, ...otherAudiences],
    client_id: clientId,
    iat: issuedAt,
    exp: expiresAt,
    jti: tokenId,
    ...(request.identityProvider !== undefined && { [IDENTITY_PROVIDER_CLAIM]: request.identityProvider }),
    ...(request.scopes.length > 0 && { scope: request.scopes.join(' ') }),
  }
  return { token: await deps.signAccessToken(claims), tokenId, expiresIn: expiresAt - issuedAt, expiresAt }
}
