import type { AccessToken } from '../access-token/access-token.js'
import { audiencesOf, deepFreeze } from '../access-token/verify-access-token.js'
import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { isPlainText } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'

/** Where issuers put the id of a client: RFC 9068 §2.2.3, OpenID Connect, Okta, and Microsoft Entra. */
const CLIENT_CLAIMS = ['client_id', 'azp', 'cid', 'appid']

/** @param jwt of which everything was checked */
export function createAccessToken(
  { payload, compact }: UnverifiedJwt,
  { issuer, sub, clientId, scopes }: Pick<AccessToken, 'sub' | 'clientId' | 'scopes'> & { issuer: IdentityProvider },
): AccessToken {
  const jti = ownMember(payload, 'jti')
  return {
    sub,
    clientId,
    scopes,
    identityProvider: issuer.id,
    expiresAt: Number(ownMember(payload, 'exp')),
    issuer: issuer.name,
    audience: audiencesOf(payload),
    tokenId: typeof jti === 'string' ? jti : undefined,
    token: compact,
    payload: deepFreeze(payload),
  }
}

/** @throws TokenRejected `invalid_claim` */
export function findClientId({ payload }: UnverifiedJwt): string | undefined {
  const name = CLIENT_CLAIMS.find((each) => Object.hasOwn(payload, each))
  const clientId = name && ownMember(payload, name)
  if (clientId !== undefined && !isPlainText(clientId)) throw new TokenRejected('invalid_claim')
  return clientId
}

/** When an access token is accepted: the checks of its dates, as two bounds. A clock can also go back. */
export function datesOf(payload: UnverifiedJwt['payload'], { limits }: IdentityProvider) {
  const { clockTolerance, maxAge, maxLifetime } = limits
  const dateOf = (name: string) => ownMember(payload, name) as number | undefined // The checks have passed.
  const [exp, nbf, iat] = [dateOf('exp') ?? 0, dateOf('nbf') ?? 0, dateOf('iat')]
  return {
    validFrom: Math.max(nbf, iat ?? 0, exp - maxLifetime) - clockTolerance,
    validUntil: Math.min(exp, (iat ?? exp) + maxAge) + clockTolerance,
  }
}
