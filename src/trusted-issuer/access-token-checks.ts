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

/** The claims of an ID token that no access token needs (OpenID Connect Core §2, §3.3.2.11; FAPI 1.0 part 2, §5.1.1). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash']
/** Values of a claim `typ` that mark another kind of token, as Keycloak sets them. */
const OTHER_TYPES = ['id', 'logout', 'serialized-id']

/** The same checks as of assertions, but for the type and the kind of token (RFC 9068 §4). */
export function createAccessTokenChecks(accepted: AcceptedAccessTokens): TokenChecks {
  const own: Partial<Record<AssertionCheckName, AssertionCheck>> = {
    typ: { name: 'typ', check: ({ jwt }) => checkType(jwt, accepted) },
    kind: { name: 'kind', check: ({ jwt }) => checkKind(jwt, accepted) },
  }
  const withOwn = (checks: readonly AssertionCheck[]) => checks.map((each) => own[each.name] ?? each)
  return {
    beforeSignature: withOwn(ASSERTION_CHECKS.beforeSignature),
    afterSignature: withOwn(ASSERTION_CHECKS.afterSignature),
  }
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
  const [typ, use] = [ownMember(payload, 'typ'), ownMember(payload, 'token_use')]
  const isOther =
    (typeof typ === 'string' && OTHER_TYPES.includes(typ.toLowerCase())) || (use !== undefined && use !== 'access')
  const saysSo = (typeof typ === 'string' && typ.toLowerCase() === 'bearer') || use === 'access'
  const isLikeIdToken = ID_TOKEN_CLAIMS.some((name) => Object.hasOwn(payload, name))
  const isMarked = accessTokenClaims.some((name) => Object.hasOwn(payload, name))
  if (isOther || !(saysSo || (isMarked && !isLikeIdToken))) throw new TokenRejected('wrong_token_kind')
}
