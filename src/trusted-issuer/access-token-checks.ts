import {
  ASSERTION_CHECKS,
  type AssertionCheck,
  type AssertionCheckName,
  type TokenChecks,
} from '../assertion/assertion-profile.js'
import { TokenRejected } from '../errors/rejections.js'
import type { AcceptedAccessTokens } from '../identity-provider/identity-provider.js'
import { checkTokenKind } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { normaliseType, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { ACCESS_TOKEN_TYPE } from '../oauth/scope.js'
import type { Claims } from '../policy/claim-path.js'

/** What an access token of another issuer must satisfy. */
export interface AccessTokenChecks extends TokenChecks {
  /** For an opaque token: before its issuer is asked, and for the answer. */
  beforeAnswer: readonly AssertionCheck[]
  ofAnswer: readonly AssertionCheck[]
}

/** The claims of an ID token that no access token needs (OpenID Connect Core §2, §3.3.2.11; FAPI 1.0 part 2, §5.1.1). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash']
/** Values of a claim `typ` that mark another kind of token, as Keycloak sets them. */
const OTHER_TYPES = ['id', 'logout', 'serialized-id']
/** Values of `token_use` that mark an access token: of Cognito, and in answers of Ory Hydra. */
const ACCESS_USES = ['access', 'access_token']

type OwnChecks = Partial<Record<AssertionCheckName, AssertionCheck>>

/** The same checks as of assertions, but for the type and the kind of token (RFC 9068 §4). */
export function createAccessTokenChecks(accepted: AcceptedAccessTokens): AccessTokenChecks {
  const own: OwnChecks = {
    typ: { name: 'typ', check: ({ jwt }) => checkType(jwt, accepted) },
    kind: { name: 'kind', check: ({ jwt }) => checkKind(jwt, accepted) },
  }
  const ofAnswer: OwnChecks = {
    kind: { name: 'kind', check: ({ jwt, identityProvider }) => checkAnswer(jwt.payload, identityProvider.name) },
  }
  const { beforeSignature, afterSignature } = ASSERTION_CHECKS
  const enabled = beforeSignature.filter(({ name }) => name === 'enabled')
  return {
    beforeSignature: withOwn(beforeSignature, own),
    afterSignature: withOwn(afterSignature, own),
    beforeAnswer: beforeSignature.filter(({ name }) => name === 'enabled' || name === 'size'),
    ofAnswer: [...enabled, ...withOwn(afterSignature, ofAnswer)],
  }
}

function withOwn(checks: readonly AssertionCheck[], own: OwnChecks): AssertionCheck[] {
  return checks.map((each) => own[each.name] ?? each)
}

/**
 * What an answer about an active token must say: that it is a bearer token, an access token and of this issuer. An answer about
 * a token that was verified here may leave that out.
 *
 * @throws TokenRejected `wrong_issuer`, `wrong_token_kind`
 */
export function checkAnswer(claims: Claims, issuer: string, isVerified = false): void {
  if (Object.hasOwn(claims, 'iss') && ownMember(claims, 'iss') !== issuer) throw new TokenRejected('wrong_issuer')
  const type = ownMember(claims, 'token_type')
  const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer'
  const maySayNothing = isVerified && !Object.hasOwn(claims, 'token_type')
  if (!isBearer && !maySayNothing) throw new TokenRejected('wrong_token_kind')
  checkTokenKind(claims)
  const { isOther, saysSo, isLikeIdToken } = readMarks(claims)
  if (isOther || (isLikeIdToken && !saysSo && !isVerified)) throw new TokenRejected('wrong_token_kind')
}

function checkType({ header: { typ } }: UnverifiedJwt, { mayLackType, issuer }: AcceptedAccessTokens): void {
  const isAccepted = typ === undefined ? mayLackType : issuer.types.has(normaliseType(typ))
  if (!isAccepted) throw new TokenRejected('type_not_allowed')
}

/**
 * An ID token must not pass as an access token. The type `at+jwt` says what a token is. Without it, the claims must say so.
 *
 * @throws TokenRejected `wrong_token_kind`
 */
function checkKind({ header, payload }: UnverifiedJwt, { accessTokenClaims }: AcceptedAccessTokens): void {
  checkTokenKind(payload)
  if (normaliseType(header.typ ?? '') === ACCESS_TOKEN_TYPE) return
  const { isOther, saysSo, isLikeIdToken } = readMarks(payload)
  const isMarked = accessTokenClaims.some((name) => Object.hasOwn(payload, name))
  if (isOther || !(saysSo || (isMarked && !isLikeIdToken))) throw new TokenRejected('wrong_token_kind')
}

/** What the claims say of the kind of token. */
function readMarks(claims: Claims) {
  const [typ, use] = [ownMember(claims, 'typ'), ownMember(claims, 'token_use')]
  const type = typeof typ === 'string' ? typ.toLowerCase() : ''
  const isUsedForAccess = typeof use === 'string' && ACCESS_USES.includes(use)
  return {
    isOther: OTHER_TYPES.includes(type) || (use !== undefined && !isUsedForAccess),
    saysSo: type === 'bearer' || isUsedForAccess,
    isLikeIdToken: ID_TOKEN_CLAIMS.some((name) => Object.hasOwn(claims, name)),
  }
}
