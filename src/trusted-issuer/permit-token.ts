import type { AccessToken } from '../access-token/access-token.js'
import { checkSubjectIsNoClient, resolveSubject } from '../assertion/resolve-subject.js'
import type { Clock } from '../clock/clock.js'
import { type Eventual, whenReady } from '../clock/when-ready.js'
import { type AcceptedAccessTokens, checkEnabled } from '../identity-provider/identity-provider.js'
import { checkNotExpired } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import { enforcePolicy } from '../policy/policy.js'
import { grantedScopesOf } from './granted-scopes.js'
import { createAccessToken, findClientId } from './issuer-access-token.js'

export interface PermitTokenDeps {
  /** Finds our own clients, whose ids must not be subjects of others; undefined: there are none. */
  findClient: ((clientId: string) => Promise<unknown>) | undefined
  clock: Clock
}

/**
 * Enforces the policy of the issuer on claims that were checked: those of a JWT that it has signed, or of its answer about an opaque
 * token.
 *
 * @throws TokenRejected, or rejects with it
 * @throws DependencyUnavailable, or rejects with it
 */
export function permitToken(
  jwt: UnverifiedJwt,
  accepted: AcceptedAccessTokens,
  { findClient, clock }: PermitTokenDeps,
): Eventual<AccessToken> {
  const { issuer } = accepted
  const { payload } = jwt
  const [sub, clientId] = [String(ownMember(payload, 'sub')), findClientId(jwt)]
  const context = { identityProvider: issuer.id, ...(clientId !== undefined && { clientId }) }
  const resolve = () => resolveSubject({ identityProvider: issuer, sub, payload })
  const create = (subject: string) => {
    // Functions of the host, and keys, may have been waited for.
    checkEnabled(issuer)
    checkNotExpired(Number(ownMember(payload, 'exp')), clock.now(), issuer.limits.clockTolerance)
    const scopes = grantedScopesOf(payload, accepted)
    return createAccessToken(jwt, { issuer, sub: subject, clientId, scopes })
  }
  return whenReady(enforcePolicy(issuer.policy, sub, payload, context), () =>
    whenReady(resolve(), (subject) => {
      if (findClient === undefined) return create(subject)
      return checkSubjectIsNoClient(subject, findClient).then(() => create(subject))
    }),
  )
}
