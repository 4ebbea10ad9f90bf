import type { Clock } from '../clock/clock.js'
import { type Eventual, whenReady } from '../clock/when-ready.js'
import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import {
  checkAudience,
  checkNoConfirmation,
  checkNoDelegation,
  checkTokenKind,
  readExpiry,
  readNotBefore,
  readNumericDate,
  readStringClaim,
  readSubject,
} from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import {
  normaliseType,
  parseJws,
  parsePayload,
  type UnverifiedHeader,
  type UnverifiedJws,
  type UnverifiedJwt,
} from '../jwt/parse-jwt.js'
import { isSignedBy } from '../jwt/signatures.js'
import { ACCESS_TOKEN_TYPE, IDENTITY_PROVIDER_CLAIM, parseScope } from '../oauth/scope.js'
import type { Revocations } from '../revocation/revocations.js'
import type { SigningKey, SigningKeys } from '../signing-keys/signing-keys.js'
import { type AccessToken, PresentedAccessToken, type RequireSyntax } from './access-token.js'
import type { VerifiedTokenCache } from './verified-token-cache.js'

/** In bytes; longer than any that is issued, with a subject of full length. */
export const MAX_ACCESS_TOKEN_LENGTH = 131_072
/** Characters of the header as it is sent: three members, the `kid` with at most 256 characters. */
export const MAX_HEADER_LENGTH = 4096

export interface VerifyAccessTokenDeps {
  issuer: string
  audiences: ReadonlySet<string>
  signingKeys: SigningKeys
  verifiedTokens: VerifiedTokenCache
  identityProviders: Pick<IdentityProviderRegistry, 'isDisabled'>
  /** undefined: no token can be revoked. */
  revocations?: Pick<Revocations, 'check'> | undefined
  clock: Clock
}

/**
 * Verifies an access token of this service (RFC 9068 §4): its type, a signature by one of our own keys with that key's
 * algorithm, issuer, audience and expiry, and that the identity provider that it came from is not switched off. A token that
 * is not signed by us is refused before its claims are decoded. It needs no network. There is no clock tolerance, because the
 * issuer's clock is ours. A token that was accepted twice before is recognised, and only what can change is checked again.
 *
 * @throws TokenRejected, or rejects with it
 */
export function verifyAccessToken(
  token: string,
  deps: VerifyAccessTokenDeps,
  requireSyntax?: RequireSyntax,
): Eventual<AccessToken> {
  const known = recogniseToken(token, deps)
  if (known !== undefined) return known
  requireSyntax?.(token)
  return verifyOwnToken(parseJws(token, MAX_ACCESS_TOKEN_LENGTH, MAX_HEADER_LENGTH), deps)
}

/**
 * An object of its own for each request: a host may add to it. What is within is frozen. undefined: the token must be verified.
 *
 * @throws TokenRejected `identity_provider_disabled`, `revoked`
 */
export function recogniseToken(token: string, deps: VerifyAccessTokenDeps): AccessToken | undefined {
  const known = deps.verifiedTokens.find(token, deps.clock.now())
  if (known === undefined || deps.signingKeys.find(known.signingKey.kid) !== known.signingKey) return undefined
  checkIdentityProvider(known.accessToken.identityProvider, deps)
  deps.revocations?.check(known.accessToken)
  return new PresentedAccessToken(known.accessToken, token)
}

/** A token of one that is not registered here is not refused: another process may have issued it for one of its own. */
function checkIdentityProvider(name: string | undefined, { identityProviders }: VerifyAccessTokenDeps): void {
  if (name !== undefined && identityProviders.isDisabled(name)) throw new TokenRejected('identity_provider_disabled')
}

/** @throws TokenRejected, or rejects with it */
export function verifyOwnToken(jws: UnverifiedJws, deps: VerifyAccessTokenDeps): Eventual<AccessToken> {
  return whenSigned(jws, deps.signingKeys, (jwt, signingKey) => acceptSigned(jwt, signingKey, deps))
}

/** Calls `accept` if a token is an access token by its type, and is signed by one of our keys. */
export function whenSigned<Result>(
  jws: UnverifiedJws,
  signingKeys: SigningKeys,
  accept: (jwt: UnverifiedJwt, signingKey: SigningKey) => Result,
): Eventual<Result> {
  if (normaliseType(jws.header.typ ?? '') !== ACCESS_TOKEN_TYPE) throw new TokenRejected('type_not_allowed')
  const signingKey = requireSigningKey(jws.header, signingKeys)
  return whenReady(isSignedBy(signingKey.publicKey, jws), (isSigned) => {
    if (isSigned !== true) throw new TokenRejected('bad_signature')
    return accept(parsePayload(jws), signingKey)
  })
}

function requireSigningKey({ kid, alg }: UnverifiedHeader, signingKeys: SigningKeys): SigningKey {
  const key = signingKeys.find(kid)
  if (key === undefined) throw new TokenRejected('unknown_key')
  if (alg !== key.algorithm) throw new TokenRejected('algorithm_not_allowed')
  return key
}

function acceptSigned(jwt: UnverifiedJwt, signingKey: SigningKey, deps: VerifyAccessTokenDeps): AccessToken {
  const { payload } = jwt
  if (ownMember(payload, 'iss') !== deps.issuer) throw new TokenRejected('wrong_issuer')
  checkAudience(payload, deps.audiences)
  const now = deps.clock.now()
  const expiresAt = readExpiry(payload, now, 0)
  const notBefore = readNotBefore(payload, now, 0)
  readNumericDate(payload, 'iat', 'invalid_issued_at')
  checkTokenKind(payload)
  checkNoConfirmation(payload)
  checkNoDelegation(payload)
  const identityProvider = readIdentityProvider(payload)
  checkIdentityProvider(identityProvider, deps)
  const accessToken: AccessToken = {
    sub: readSubject(payload),
    clientId: readStringClaim(payload, 'client_id', 'invalid_claim'),
    scopes: Object.freeze(readScopes(ownMember(payload, 'scope'))),
    identityProvider,
    expiresAt,
    issuer: deps.issuer,
    audience: audiencesOf(payload),
    tokenId: readStringClaim(payload, 'jti', 'invalid_jwt_id'),
    token: jwt.compact,
    payload: deepFreeze(payload),
  }
  deps.revocations?.check(accessToken)
  const createEntry = () => ({ accessToken, validFrom: notBefore, validUntil: expiresAt, signingKey })
  deps.verifiedTokens.addSeenAgain(jwt.signature, createEntry)
  return new PresentedAccessToken(accessToken, jwt.compact)
}

/** The `aud` of a token whose audience was checked. */
export function audiencesOf(payload: UnverifiedJwt['payload']): readonly string[] {
  const aud = ownMember(payload, 'aud') as string | readonly string[]
  return typeof aud === 'string' ? Object.freeze([aud]) : Object.freeze(aud)
}

/** Requests share what is remembered. What was parsed is no deeper than 32 levels. */
export function deepFreeze<Value extends object>(value: Value): Value {
  for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) deepFreeze(child)
  return Object.freeze(value)
}

function readIdentityProvider(payload: UnverifiedJwt['payload']): string | undefined {
  if (!Object.hasOwn(payload, IDENTITY_PROVIDER_CLAIM)) return undefined
  return readStringClaim(payload, IDENTITY_PROVIDER_CLAIM, 'invalid_claim')
}

function readScopes(scope: unknown): readonly string[] {
  if (scope === undefined) return []
  const scopes = typeof scope === 'string' ? parseScope(scope) : undefined
  if (scopes === undefined) throw new TokenRejected('invalid_claim')
  return scopes
}
