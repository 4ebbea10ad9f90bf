import cluster from 'node:cluster'
import type { AccessToken } from './access-token/access-token.js'
import { createAccessTokenSigner } from './access-token/issue-access-token.js'
import { VerifiedTokenCache } from './access-token/verified-token-cache.js'
import { verifyAccessToken } from './access-token/verify-access-token.js'
import { BearerChallenge } from './bearer/bearer-challenge.js'
import { FailureLimiter } from './client-auth/failure-limiter.js'
import { createFindClient } from './client-auth/find-client.js'
import { systemTimers } from './clock/timers.js'
import { ExchangeEventEmitter, type ExchangeEventSource } from './events/exchange-events.js'
import type { Middleware } from './express/http.js'
import { createMetadataEndpoint, type MetadataDeps } from './express/metadata-endpoint.js'
import { createProtect, type ProtectOptions } from './express/protect.js'
import { createPublicDocument } from './express/public-document.js'
import { createRouter } from './express/router.js'
import { createTokenEndpoint } from './express/token-endpoint.js'
import { createJwtBearerGrant } from './grants/jwt-bearer.js'
import { createIdentityProviders } from './identity-provider/create-identity-providers.js'
import type { IdentityProvider } from './identity-provider/identity-provider.js'
import { IdentityProviderRegistry } from './identity-provider/identity-provider-registry.js'
import { type ReadyOptions, warmUp } from './identity-provider/warm-up.js'
import { fetchJwks } from './jwks/fetch-jwks.js'
import { JwksClientPool } from './jwks/jwks-client-pool.js'
import type { KeySourceStats } from './jwks/verification-key-source.js'
import { checkOptions, type JwtExchangeOptions, type JwtExchangeSettings } from './options.js'
import { createAccessTokenStrategy } from './passport/access-token-strategy.js'
import { createAssertionStrategy } from './passport/assertion-strategy.js'
import type { PassportStrategy } from './passport/promise-strategy.js'
import { MemoryReplayStore } from './replay/memory-replay-store.js'
import { ReplayProtection } from './replay/replay-protection.js'

const NOT_SHARED =
  'Each worker of the cluster remembers used assertions for itself, and accepts what another one has: set replay.store'

/** A token endpoint and what protects routes with its tokens. */
export interface JwtExchange {
  /** `POST /token` and `GET /jwks`. Mount it where the option `tokenEndpoint` says: `app.use('/oauth2', exchange.router)`. */
  router: Middleware
  /** RFC 8414 metadata. Mount it at the host's root: `app.use(exchange.wellKnown)`. */
  wellKnown: Middleware
  /** Passport strategy `'access-token'`: `req.user` is the `AccessToken`. */
  accessTokenStrategy: PassportStrategy
  /** Passport strategy `'jwt-assertion'`: takes an assertion itself as the bearer token; `req.user` is the `AssertedCaller`. */
  assertionStrategy: PassportStrategy
  /** The same check as the access token strategy without Passport: `req.auth` is the `AccessToken`. */
  protect(options?: ProtectOptions): Middleware
  /**
   * The same check without HTTP, for WebSockets, queues and the like.
   *
   * @throws TokenRejected with a `reason`
   */
  verifyAccessToken(token: string): Promise<AccessToken>
  events: ExchangeEventSource
  stats(): JwtExchangeStats
  /**
   * Fetches the key set of every enabled identity provider that is not fresh, all at once, before the first request or
   * for a readiness probe. It settles within 5 seconds, beside `spread`, and without `failFast` never rejects: the stats
   * tell which are down.
   *
   * @throws ConfigError for options that are not understood
   * @throws DependencyUnavailable with `failFast`
   */
  ready(options?: ReadyOptions): Promise<JwtExchangeStats>
  /**
   * Fetches the key set of one identity provider now, whatever is cached, so that a key that it has withdrawn is refused
   * at once. Nothing to do where its keys are configured.
   *
   * @param name the `name` of the identity provider
   * @throws ConfigError where there is none of this name
   * @throws DependencyUnavailable where the fetch fails: the old keys serve on
   */
  refreshKeys(name: string): Promise<IdentityProviderStats>
  /**
   * Stops trusting an identity provider at once: its assertions are refused, and the access tokens that were issued for
   * them by this process or another one. Holds for this process, until it is enabled again or the process ends.
   *
   * @param name the `name` of the identity provider
   * @throws ConfigError where there is none of this name
   */
  disableIdentityProvider(name: string): void
  /**
   * Trusts an identity provider again, or for the first time where it was registered with `enabled: false` and its keys.
   * Access tokens that were issued before are accepted again until they expire.
   *
   * @throws ConfigError where there is none of this name
   */
  enableIdentityProvider(name: string): void
  /** Ends fetches under way; afterwards no key set is fetched any more. */
  close(): void
}

/** For operators: it names the identity providers, so do not publish it. */
export interface JwtExchangeStats {
  identityProviders: readonly IdentityProviderStats[]
}

export interface IdentityProviderStats extends KeySourceStats {
  name: string
  alias: string
  enabled: boolean
}

/**
 * Checks the options and wires everything; makes no network connection.
 *
 * @throws ConfigError with every problem at once
 */
export function createJwtExchange(options: JwtExchangeOptions): JwtExchange {
  const settings = checkOptions(options)
  const parts = createParts(settings)
  const { identityProviders, accessToken, assertion, events } = parts
  const stats = () => ({ identityProviders: [...identityProviders.all()].map(statsOf) })
  queueMicrotask(() => reportRisks(settings, events))
  return {
    router: createRouter(
      createTokenEndpoint(parts.tokenEndpoint),
      createPublicDocument(accessToken.signingKeys.publicKeySet),
    ),
    wellKnown: createMetadataEndpoint(metadataOf(settings, parts)),
    accessTokenStrategy: createAccessTokenStrategy(accessToken),
    assertionStrategy: createAssertionStrategy(assertion),
    protect: (protectOptions = {}) => createProtect(protectOptions, accessToken),
    verifyAccessToken: async (token) => verifyAccessToken(token, accessToken),
    events,
    stats,
    ready: async (readyOptions = {}) => {
      await warmUp(identityProviders.all(), readyOptions, { timers: systemTimers, random: Math.random })
      return stats()
    },
    refreshKeys: async (name) => {
      const identityProvider = identityProviders.registered(name)
      await identityProvider.keySource.refreshKeys()
      return statsOf(identityProvider)
    },
    disableIdentityProvider: (name) => setEnabled(identityProviders.registered(name), false, events),
    enableIdentityProvider: (name) => setEnabled(identityProviders.registered(name), true, events),
    close: () => parts.jwksClients.close(),
  }
}

/** Everything behind the face, each part with the others that it needs. */
function createParts(settings: JwtExchangeSettings) {
  const { issuer, clock } = settings
  const { audiences, lifetime, signingKeys, cacheSizeBytes } = settings.accessToken
  const events = new ExchangeEventEmitter()
  const jwksClients = new JwksClientPool(settings.jwksEndpoint, {
    clock,
    events,
    random: Math.random,
    timers: systemTimers,
    fetchJwks,
  })
  const identityProviders = new IdentityProviderRegistry(
    createIdentityProviders(settings.identityProviders, { jwksClients, clock, events }),
  )
  const replayProtection = createReplayProtection(settings, events)
  const findClient = createFindClient(settings.clients, settings.findClient)
  const challenge = new BearerChallenge(issuer)
  const assertion = { identityProviders, clock, replayProtection, events, challenge }
  const verifiedTokens = new VerifiedTokenCache(cacheSizeBytes)
  const accessToken = { issuer, audiences, signingKeys, verifiedTokens, identityProviders, clock, events, challenge }
  const jwtBearer = createJwtBearerGrant({ ...assertion, findClient, audiences })
  const tokenEndpoint = {
    issuer,
    audiences,
    lifetime,
    signAccessToken: createAccessTokenSigner(signingKeys),
    clock,
    events,
    grants: new Map([[jwtBearer.grantType, jwtBearer]]),
    findClient,
    failureLimiter: new FailureLimiter(settings.clientAuthentication, clock),
    maxAssertionBytes: identityProviders.maxAssertionBytes,
    requireHttps: settings.requireHttps,
  }
  return { events, jwksClients, identityProviders, assertion, accessToken, tokenEndpoint }
}

function createReplayProtection(
  { replay, clock }: JwtExchangeSettings,
  events: ExchangeEventEmitter,
): ReplayProtection {
  const { store = new MemoryReplayStore({ maxEntries: replay.maxEntries, clock }), timeout } = replay
  const reportRisk = (message: string) => events.emit('replay_store.at_risk', { message })
  return new ReplayProtection({ store, timeout, timers: systemTimers, reportRisk })
}

function metadataOf(settings: JwtExchangeSettings, { tokenEndpoint }: ReturnType<typeof createParts>): MetadataDeps {
  return {
    issuer: settings.issuer,
    tokenEndpoint: settings.tokenEndpoint,
    jwksUri: new URL('jwks', settings.tokenEndpoint).href,
    grantTypes: [...tokenEndpoint.grants.keys()],
    scopes: [...new Set(settings.clients.flatMap(({ scopes }) => scopes))],
  }
}

function setEnabled(identityProvider: IdentityProvider, enabled: boolean, events: ExchangeEventEmitter): void {
  if (identityProvider.enabled === enabled) return
  identityProvider.enabled = enabled
  const told = { identityProvider: identityProvider.name }
  events.emit(enabled ? 'identity_provider.enabled' : 'identity_provider.disabled', told)
}

function statsOf({ name, alias, enabled, keySource }: IdentityProvider): IdentityProviderStats {
  return { name, alias, enabled, ...keySource.stats() }
}

/** What is at risk by the options alone. Told in the next microtask, so that a listener attached right after creation hears it. */
function reportRisks({ accessToken, replay }: JwtExchangeSettings, events: ExchangeEventEmitter): void {
  if (accessToken.isKeyGenerated) events.emit('signing_key.generated', { kid: accessToken.signingKeys.active.kid })
  if (replay.store === undefined && cluster.isWorker) events.emit('replay_store.at_risk', { message: NOT_SHARED })
}
