import type { KeyObject } from 'node:crypto'
import { type AccessToken, PresentedAccessToken } from '../access-token/access-token.js'
import type { VerifiedTokenCache } from '../access-token/verified-token-cache.js'
import { contextOf, contextOfHeader, inContext } from '../assertion/assertion-context.js'
import type { AssertionCheck } from '../assertion/assertion-profile.js'
import { checkAssertion } from '../assertion/verify-assertion.js'
import { type Eventual, inTurn, whenReady } from '../clock/when-ready.js'
import { TokenRejected } from '../errors/rejections.js'
import type { AcceptedAccessTokens, IdentityProvider } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import {
  IntrospectionClient,
  type IntrospectionClientDeps,
  type IntrospectionStats,
} from '../introspection/introspection-client.js'
import { normaliseType, type UnverifiedJws, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { verifySignature } from '../verification-keys/verify-signature.js'
import { createAccessTokenChecks } from './access-token-checks.js'
import { checkConfirmed, presentOpaque, type VerifiedHere } from './introspected-token.js'
import { datesOf } from './issuer-access-token.js'
import { type PermitTokenDeps, permitToken } from './permit-token.js'
import { isStillTrusted, type TrustedIssuer, type VerifiedIssuerToken } from './trusted-issuer.js'

export interface TrustedIssuersDeps extends IntrospectionClientDeps, PermitTokenDeps {
  identityProviders: IdentityProviderRegistry
  verifiedTokens: VerifiedTokenCache<VerifiedIssuerToken>
}

/** Characters of a payload that is decoded for any header, so that the event says whose token it was. */
const MAX_PAYLOAD_OF_ANY_HEADER = 2048

/** The identity providers whose own access tokens routes accept. */
export class TrustedIssuers {
  readonly #deps: TrustedIssuersDeps
  readonly #byId = new Map<string, TrustedIssuer>()
  readonly #algorithms: ReadonlySet<string>
  readonly #types: ReadonlySet<string>
  /** The one whose tokens are opaque. */
  readonly #opaque: TrustedIssuer | undefined

  constructor(deps: TrustedIssuersDeps) {
    this.#deps = deps
    for (const { id, accessTokens } of deps.identityProviders.fixed.values()) {
      if (accessTokens === undefined) continue
      this.#byId.set(id, this.#trust(accessTokens))
    }
    this.#opaque = [...this.#byId.values()].find(({ accepted }) => accepted.isOpaque)
    const issuers = [...this.#byId.values()].map(({ accepted }) => accepted.issuer)
    this.#algorithms = new Set(issuers.flatMap(({ limits }) => [...limits.algorithms]))
    this.#types = new Set(issuers.flatMap(({ types }) => [...types]))
  }

  get areNone(): boolean {
    return this.#byId.size === 0
  }

  /** A token that was verified before, if its key is still trusted. undefined: it must be verified. */
  recognise(token: string): Eventual<AccessToken> | undefined {
    const { verifiedTokens, clock } = this.#deps
    const known = verifiedTokens.find(token, clock.now())
    if (known === undefined || !isStillTrusted(known)) return undefined
    const { accessToken, trusted, header } = known
    if (trusted.introspection === undefined) return new PresentedAccessToken(accessToken, token)
    return inContext(
      () => ({ ...contextOfHeader(header), identityProvider: trusted.accepted.issuer.id }),
      () => whenReady(this.confirm(accessToken, trusted), () => new PresentedAccessToken(accessToken, token)),
    )
  }

  /** Verifies a token that is not a JWT. undefined: it must be one. */
  verifyOpaque(token: string): Eventual<AccessToken> | undefined {
    const opaque = this.#opaque
    if (opaque === undefined || typeof token !== 'string' || token.split('.', 4).length === 3) return undefined
    return inContext(
      () => ({ identityProvider: opaque.accepted.issuer.id }),
      () => this.#acceptOpaque(token, opaque),
    )
  }

  /**
   * Refuses a long token whose header none of the issuers could have made: junk must not cost more the longer it is.
   *
   * @throws TokenRejected `algorithm_not_allowed`, `type_not_allowed`
   */
  checkHeaderOfLong(jws: UnverifiedJws): void {
    if (jws.encodedPayload.length > MAX_PAYLOAD_OF_ANY_HEADER && this.#opaque === undefined) this.#checkHeader(jws)
  }

  /**
   * Verifies an access token by the keys of its issuer (RFC 9068 §4).
   *
   * @throws TokenRejected, or rejects with it
   * @throws DependencyUnavailable `jwks_unavailable`, `introspection_failed`, `introspection_limit_reached`; those of a policy;
   *   or rejects with it
   */
  verify(jwt: UnverifiedJwt): Eventual<AccessToken> {
    const trusted = this.find(jwt)
    const act = () => {
      if (trusted === undefined) throw new TokenRejected('unknown_issuer')
      return trusted.accepted.isOpaque ? this.#acceptOpaque(jwt.compact, trusted) : this.#accept(jwt, trusted)
    }
    return inContext(() => contextOf(jwt, trusted?.accepted.issuer), act)
  }

  /** The issuer that the claims name; undefined: none that is trusted. */
  find({ payload }: UnverifiedJwt): TrustedIssuer | undefined {
    const identityProvider = this.#deps.identityProviders.findFixedFor(payload)
    if (identityProvider?.accessTokens === undefined) return undefined
    const { id, accessTokens: accepted } = identityProvider
    // A tenant of an entry for any tenant is made for each token.
    return this.#byId.get(id) ?? this.#trust(accepted)
  }

  /** undefined: the issuer with this `id` is not asked about its tokens. */
  introspectionStats(id: string): IntrospectionStats | undefined {
    return this.#byId.get(id)?.introspection?.stats()
  }

  #trust(accepted: AcceptedAccessTokens): TrustedIssuer {
    const { introspection, issuer } = accepted
    return {
      accepted,
      checks: createAccessTokenChecks(accepted),
      introspection: introspection && new IntrospectionClient(issuer.id, introspection, this.#deps),
    }
  }

  #accept(jwt: UnverifiedJwt, trusted: TrustedIssuer): Eventual<AccessToken> {
    const { accepted, checks } = trusted
    const { issuer } = accepted
    let key: KeyObject | undefined
    const signature: AssertionCheck = {
      name: 'signature',
      check: () =>
        whenReady(verifySignature(jwt, issuer.keySource), (signer) => {
          key = signer
        }),
    }
    const presented = { jwt, identityProvider: issuer, client: undefined, issuer: issuer.name }
    const checking = checkAssertion(presented, { clock: this.#deps.clock, signature, checks })
    const permitted = whenReady(checking, () => permitToken(jwt, accepted, this.#deps))
    return whenReady(permitted, (accessToken) =>
      whenReady(trusted.introspection && this.confirm(accessToken, trusted), () => {
        if (key !== undefined) this.#remember(jwt, { accessToken, trusted, key })
        return new PresentedAccessToken(accessToken, jwt.compact)
      }),
    )
  }

  /** The answer of its issuer has the claims, for which the same rules hold. */
  async #acceptOpaque(token: string, { accepted, checks, introspection }: TrustedIssuer): Promise<AccessToken> {
    const { issuer } = accepted
    await this.#run(checks.beforeAnswer, presentOpaque(token), issuer)
    const answer = await introspection?.ask(token)
    if (answer?.isActive !== true) throw new TokenRejected('inactive')
    const jwt = presentOpaque(token, answer.claims)
    await this.#run(checks.ofAnswer, jwt, issuer)
    return new PresentedAccessToken(await permitToken(jwt, accepted, this.#deps), token)
  }

  /**
   * Asks the issuer about a token that was verified here.
   *
   * @throws TokenRejected `inactive`, and what the answer says of the token
   * @throws DependencyUnavailable `introspection_failed`, `introspection_limit_reached`
   */
  async confirm(accessToken: VerifiedHere, { accepted: { issuer }, introspection }: TrustedIssuer): Promise<void> {
    const answer = await introspection?.ask(accessToken.token, accessToken.expiresAt)
    checkConfirmed(answer, { accessToken, issuer, now: this.#deps.clock.now() })
  }

  #run(checks: readonly AssertionCheck[], jwt: UnverifiedJwt, issuer: IdentityProvider): Eventual<void> {
    const now = this.#deps.clock.now()
    const presented = { jwt, identityProvider: issuer, client: undefined, issuer: issuer.name, now }
    return inTurn(checks, ({ check }) => check(presented))
  }

  /** A function of the host may judge otherwise the next time, or give no subject. */
  #remember(
    { payload, header, signature }: UnverifiedJwt,
    verified: Pick<VerifiedIssuerToken, 'accessToken' | 'trusted' | 'key'>,
  ): void {
    const { issuer } = verified.trusted.accepted
    if (issuer.policy.check !== undefined || issuer.mapSubject.isOfHost === true) return
    this.#deps.verifiedTokens.addSeenAgain(signature, () => ({ ...verified, ...datesOf(payload, issuer), header }))
  }

  #checkHeader({ header }: UnverifiedJws): void {
    const isKnown = header.typ === undefined || this.#types.has(normaliseType(header.typ))
    if (this.#algorithms.has(header.alg) && isKnown) return
    const rejected = new TokenRejected(isKnown ? 'algorithm_not_allowed' : 'type_not_allowed')
    rejected.context = contextOfHeader(header)
    throw rejected
  }
}
