import type { KeyObject } from 'node:crypto'
import { type AccessToken, PresentedAccessToken } from '../access-token/access-token.js'
import type { VerifiedToken, VerifiedTokenCache } from '../access-token/verified-token-cache.js'
import { deepFreeze } from '../access-token/verify-access-token.js'
import { contextOf, contextOfHeader, inContext } from '../assertion/assertion-context.js'
import type { AssertionCheck, TokenChecks } from '../assertion/assertion-profile.js'
import { checkSubjectIsNoClient, resolveSubject } from '../assertion/resolve-subject.js'
import { checkAssertion } from '../assertion/verify-assertion.js'
import type { Clock } from '../clock/clock.js'
import { TokenRejected } from '../errors/rejections.js'
import {
  type AcceptedAccessTokens,
  checkEnabled,
  type IdentityProvider,
} from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { checkNotExpired, isPlainText } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { normaliseType, type UnverifiedJws, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { enforcePolicy } from '../policy/policy.js'
import { verifySignature } from '../verification-keys/verify-signature.js'
import { createAccessTokenChecks } from './access-token-checks.js'
import { grantedScopesOf } from './granted-scopes.js'

/** What is remembered of an access token of another issuer. */
export interface VerifiedIssuerToken extends VerifiedToken {
  issuer: IdentityProvider
  header: UnverifiedJws['header']
  key: KeyObject
}

export interface TrustedIssuersDeps {
  identityProviders: IdentityProviderRegistry
  /** Finds our own clients, whose ids must not be subjects of others; undefined: there are none. */
  findClient: ((clientId: string) => Promise<unknown>) | undefined
  verifiedTokens: VerifiedTokenCache<VerifiedIssuerToken>
  clock: Clock
}

/** What tokens of one issuer must satisfy. */
export interface TrustedIssuer {
  accepted: AcceptedAccessTokens
  checks: TokenChecks
}

/** Characters of a payload that is decoded for any header, so that the event says whose token it was. */
const MAX_PAYLOAD_OF_ANY_HEADER = 2048
/** Where issuers put the id of a client: RFC 9068 §2.2.3, OpenID Connect, Okta, and Microsoft Entra. */
const CLIENT_CLAIMS = ['client_id', 'azp', 'cid', 'appid']

/** The identity providers whose own access tokens routes accept. */
export class TrustedIssuers {
  readonly #deps: TrustedIssuersDeps
  readonly #byId = new Map<string, TrustedIssuer>()
  readonly #algorithms: ReadonlySet<string>
  readonly #types: ReadonlySet<string>

  constructor(deps: TrustedIssuersDeps) {
    this.#deps = deps
    for (const { id, accessTokens } of deps.identityProviders.fixed.values()) {
      if (accessTokens === undefined) continue
      this.#byId.set(id, { accepted: accessTokens, checks: createAccessTokenChecks(accessTokens) })
    }
    const issuers = [...this.#byId.values()].map(({ accepted }) => accepted.issuer)
    this.#algorithms = new Set(issuers.flatMap(({ limits }) => [...limits.algorithms]))
    this.#types = new Set(issuers.flatMap(({ types }) => [...types]))
  }

  get areNone(): boolean {
    return this.#byId.size === 0
  }

  /** A token that was verified before, if its key is still trusted. undefined: it must be verified. */
  recognise(token: string): AccessToken | undefined {
    const { verifiedTokens, clock } = this.#deps
    const known = verifiedTokens.find(token, clock.now())
    if (known === undefined || !known.issuer.trust.isOn || !isKeyCurrent(known)) return undefined
    return new PresentedAccessToken(known.accessToken, token)
  }

  /**
   * Refuses a long token whose header none of the issuers could have made: junk must not cost more the longer it is.
   *
   * @throws TokenRejected `algorithm_not_allowed`, `type_not_allowed`
   */
  checkHeaderOfLong(jws: UnverifiedJws): void {
    if (jws.encodedPayload.length > MAX_PAYLOAD_OF_ANY_HEADER) this.#checkHeader(jws)
  }

  /**
   * Verifies an access token by the keys of its issuer (RFC 9068 §4).
   *
   * @throws TokenRejected
   * @throws DependencyUnavailable `jwks_unavailable`; those of a policy
   */
  async verify(jwt: UnverifiedJwt): Promise<AccessToken> {
    const trusted = this.find(jwt)
    return inContext(contextOf(jwt, trusted?.accepted.issuer), async () => {
      if (trusted === undefined) throw new TokenRejected('unknown_issuer')
      return this.#accept(jwt, trusted)
    })
  }

  /** The issuer that the claims name; undefined: none that is trusted. */
  find({ payload }: UnverifiedJwt): TrustedIssuer | undefined {
    const identityProvider = this.#deps.identityProviders.findFixedFor(payload)
    if (identityProvider?.accessTokens === undefined) return undefined
    const { id, accessTokens: accepted } = identityProvider
    // A tenant of an entry for any tenant is made for each token.
    return this.#byId.get(id) ?? { accepted, checks: createAccessTokenChecks(accepted) }
  }

  async #accept(jwt: UnverifiedJwt, { accepted, checks }: TrustedIssuer): Promise<AccessToken> {
    const { issuer } = accepted
    const { clock, findClient } = this.#deps
    const keys: KeyObject[] = []
    const signature: AssertionCheck = {
      name: 'signature',
      check: async () => void keys.push(await verifySignature(jwt, issuer.keySource)),
    }
    const presented = { jwt, identityProvider: issuer, client: undefined, issuer: issuer.name }
    await checkAssertion(presented, { clock, signature, checks })
    const { payload } = jwt
    const [sub, clientId] = [String(ownMember(payload, 'sub')), findClientId(jwt)]
    const context = { identityProvider: issuer.id, ...(clientId !== undefined && { clientId }) }
    await enforcePolicy(issuer.policy, sub, payload, context)
    const subject = await resolveSubject({ identityProvider: issuer, sub, payload })
    if (findClient !== undefined) await checkSubjectIsNoClient(subject, findClient)
    // Functions of the host, and keys, may have been waited for.
    checkEnabled(issuer)
    checkNotExpired(Number(ownMember(payload, 'exp')), clock.now(), issuer.limits.clockTolerance)
    const scopes = grantedScopesOf(payload, accepted)
    const accessToken = createAccessToken(jwt, { issuer, sub: subject, clientId, scopes })
    const verified = { accessToken, ...datesOf(payload, issuer), issuer, header: jwt.header }
    for (const key of keys) this.#remember({ ...verified, key }, jwt.signature)
    return new PresentedAccessToken(accessToken, jwt.compact)
  }

  /** A function of the host may judge otherwise the next time, or give no subject. */
  #remember(verified: VerifiedIssuerToken, signature: Buffer): void {
    const { policy, mapSubject } = verified.issuer
    if (policy.check !== undefined || mapSubject.isOfHost === true) return
    this.#deps.verifiedTokens.addSeenAgain(verified, signature)
  }

  #checkHeader({ header }: UnverifiedJws): void {
    const isKnown = header.typ === undefined || this.#types.has(normaliseType(header.typ))
    if (this.#algorithms.has(header.alg) && isKnown) return
    const rejected = new TokenRejected(isKnown ? 'algorithm_not_allowed' : 'type_not_allowed')
    rejected.context = contextOfHeader(header)
    throw rejected
  }
}

/** Asks as a request does, so that the key set is refreshed while only known tokens come. */
function isKeyCurrent({ issuer, header, key }: VerifiedIssuerToken): boolean {
  try {
    const { keys, areCurrent } = issuer.keySource.requireKeysAtOnce(header)
    return areCurrent && keys.includes(key)
  } catch {
    return false // The verification that follows waits for the keys, or says what is wrong.
  }
}

function createAccessToken(
  { payload, compact }: UnverifiedJwt,
  { issuer, ...own }: Pick<AccessToken, 'sub' | 'clientId' | 'scopes'> & { issuer: IdentityProvider },
): AccessToken {
  const jti = ownMember(payload, 'jti')
  return {
    ...own,
    identityProvider: issuer.id,
    expiresAt: Number(ownMember(payload, 'exp')),
    issuer: issuer.name,
    audience: Object.freeze([ownMember(payload, 'aud')].flat() as string[]),
    tokenId: typeof jti === 'string' ? jti : undefined,
    token: compact,
    payload: deepFreeze(payload),
  }
}

/** @throws TokenRejected `invalid_claim` */
function findClientId({ payload }: UnverifiedJwt): string | undefined {
  const name = CLIENT_CLAIMS.find((each) => Object.hasOwn(payload, each))
  const clientId = name && ownMember(payload, name)
  if (clientId !== undefined && !isPlainText(clientId)) throw new TokenRejected('invalid_claim')
  return clientId
}

/** When an access token is accepted: the checks of its dates, as two bounds. A clock can also go back. */
function datesOf(payload: UnverifiedJwt['payload'], { limits }: IdentityProvider) {
  const { clockTolerance, maxAge, maxLifetime } = limits
  const dateOf = (name: string) => ownMember(payload, name) as number | undefined // The checks have passed.
  const [exp = 0, nbf = 0, iat] = ['exp', 'nbf', 'iat'].map(dateOf)
  return {
    validFrom: Math.max(nbf, iat ?? 0, exp - maxLifetime) - clockTolerance,
    validUntil: Math.min(exp, (iat ?? exp) + maxAge) + clockTolerance,
  }
}
