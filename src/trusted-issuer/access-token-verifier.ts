import type { AccessTokenVerifier } from '../access-token/access-token.js'
import {
  MAX_ACCESS_TOKEN_LENGTH,
  recogniseToken,
  type VerifyAccessTokenDeps,
  verifyAccessToken,
  verifyOwnToken,
} from '../access-token/verify-access-token.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJws, parsePayload, type UnverifiedJws } from '../jwt/parse-jwt.js'
import type { TrustedIssuers } from './trusted-issuers.js'

/** Characters of a header as it is sent: an issuer may put its certificates there. */
const MAX_HEADER_LENGTH = 16_384

/** Verifies access tokens of this service, and of other issuers if there are any. The `iss` says whose keys a token needs. */
export function createAccessTokenVerifier(own: VerifyAccessTokenDeps, issuers: TrustedIssuers): AccessTokenVerifier {
  if (issuers.areNone) return (token, requireSyntax) => verifyAccessToken(token, own, requireSyntax)
  return (token, requireSyntax) => {
    const known = recogniseToken(token, own) ?? issuers.recognise(token)
    if (known !== undefined) return known
    requireSyntax?.(token)
    const opaque = issuers.verifyOpaque(token)
    if (opaque !== undefined) return opaque
    const jws = parseIssuerToken(token)
    if (own.signingKeys.find(jws.header.kid) === undefined) issuers.checkHeaderOfLong(jws)
    const jwt = parsePayload(jws)
    return ownMember(jwt.payload, 'iss') === own.issuer ? verifyOwnToken(jwt, own) : issuers.verify(jwt)
  }
}

/** The same for a service that issues no access tokens. */
export function createIssuerTokenVerifier(issuers: TrustedIssuers): AccessTokenVerifier {
  return (token, requireSyntax) => {
    const known = issuers.recognise(token)
    if (known !== undefined) return known
    requireSyntax?.(token)
    const opaque = issuers.verifyOpaque(token)
    if (opaque !== undefined) return opaque
    const jws = parseIssuerToken(token)
    issuers.checkHeaderOfLong(jws)
    return issuers.verify(parsePayload(jws))
  }
}

/** @throws TokenRejected */
export function parseIssuerToken(token: string): UnverifiedJws {
  return parseJws(token, MAX_ACCESS_TOKEN_LENGTH, MAX_HEADER_LENGTH)
}
