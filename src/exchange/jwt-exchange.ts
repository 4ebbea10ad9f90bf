import type { AccessToken } from '../access-token/access-token.js'
import { withSigningKeys } from '../access-token/access-token-options.js'
import { systemTimers } from '../clock/timers.js'
import type { ExchangeEventSource } from '../events/exchange-events.js'
import type { ExplainOptions } from '../explain/explain-assertion.js'
import type { Explanation } from '../explain/explanation.js'
import { createRouter } from '../express/endpoints.js'
import type { Middleware } from '../express/http.js'
import { createProtect, type ProtectOptions } from '../express/protect.js'
import { type ReadyOptions, warmUp } from '../identity-provider/warm-up.js'
import { PendingRefusals } from '../passport/pending-refusals.js'
import type { PassportStrategy } from '../passport/promise-strategy.js'
import { createAccessTokenStrategy, createAssertionStrategy } from '../passport/strategies.js'
import type { AuthenticateAccessTokenDeps } from '../protected-route/authenticate-access-token.js'
import { Challenge } from '../protected-route/challenge.js'
import { ProxyWarning } from '../protected-route/proxy-warning.js'
import { Configuration } from './configuration.js'
import { type ConfiguredParts, createConfiguredParts, putInForce } from './configured-parts.js'
import { FixedOptions } from './fixed-options.js'
import { createIdentityProviderControl, type IdentityProviderControl } from './identity-provider-control.js'
import { begin, close, createLastingParts, type LastingParts } from './lasting-parts.js'
import { type CompleteSettings, type JwtExchangeOptions, readExchangeOptions } from './options.js'
import { createRevocationControl, type RevocationControl } from './revocation-control.js'
import { type JwtExchangeStats, statsOfAll } from './stats.js'
import { isForDefaultResource, type VerifyAccessTokenOptions, verifyForResource } from './verify-for-resource.js'

type ExchangeConfiguration = Configuration<JwtExchangeOptions, ConfiguredParts>

/** A token endpoint and what protects routes with its tokens. */
export interface JwtExchange extends IdentityProviderControl, RevocationControl {
  /** `POST /token` and `GET /jwks`. Mount it where the option `tokenEndpoint` says: `app.use('/oauth2', exchange.router)`. */
  router: Middleware
  /**
   * RFC 8414 metadata, the OpenID configuration if `openidConfiguration` is true, and RFC 9728 metadata for each of `resources`.
   * Mount it at the host's root: `app.use(exchange.wellKnown)`.
   */
  wellKnown: Middleware
  /**
   * Passport strategy `'access-token'`: `req.user` is the `AccessToken`. Set `session: false` on each route: a session would
   * let later requests pass without a token.
   */
  accessTokenStrategy: PassportStrategy
  /** Passport strategy `'jwt-assertion'`: accepts the assertion itself as the bearer token; `req.user` is the `AssertedCaller`. */
  assertionStrategy: PassportStrategy
  /**
   * Makes the same check as the access token strategy, but without Passport: `getAuth(req)` returns the `AccessToken`.
   * `req.auth` is the same; `import 'express-jwt-exchange/augment'` gives it a type.
   *
   * @example
   * app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => {
   *   res.json({ for: getAuth(req).sub })
   * })
   *
   * @throws ConfigError for an unknown option, so that a typo cannot leave a route open
   */
  protect(options?: ProtectOptions): Middleware
  /**
   * Makes the same check without HTTP, for example for WebSockets or queues.
   *
   * @throws TokenRejected with a `reason`
   * @throws ConfigError for an unknown option
   */
  verifyAccessToken(token: string, options?: VerifyAccessTokenOptions): Promise<AccessToken>
  /**
   * Explains step by step whether a client could exchange an assertion: what was expected, and what was found. It is for
   * operators, not for clients. Nothing is issued, the assertion is not consumed, and no `token.…` event is emitted. Keys may be
   * fetched as for a request: this emits `jwks.…` events, and an unknown `kid` or a bad signature takes from the budget.
   *
   * @throws ConfigError for an unknown option, or an assertion that is not a string
   */
  explain(assertion: string, options?: ExplainOptions): Promise<Explanation>
  /**
   * Emits every event, for logs and metrics. docs/observability.md lists them.
   *
   * @example
   * exchange.events.on('token.rejected', ({ reason, identityProvider }) => {
   *   console.warn(reason, identityProvider)
   * })
   */
  events: ExchangeEventSource
  /** The identity providers with their keys and fetches, and the configuration in force. */
  stats(): JwtExchangeStats
  /**
   * Fetches all key sets of enabled identity providers that are not fresh, before the first request or for a readiness
   * probe. With a revocation store, also waits until it was read once. Settles within 5 seconds plus `spread`. Rejects only with
   * `failFast`; otherwise check the stats.
   *
   * @throws ConfigError for an unknown option
   * @throws DependencyUnavailable with `failFast`
   */
  ready(options?: ReadyOptions): Promise<JwtExchangeStats>
  /**
   * Replaces all options atomically. Requests whose body has arrived finish under the old ones. Identity providers with the
   * same `alias` and `jwksUri` keep their key sets. Providers that were switched off at run time stay off, even if their `id`
   * changes. `issuer`, `tokenEndpoint`, `replay`, `revocation`, the top-level `clientAuthentication` and `clock` cannot change.
   * `accessToken.signingKeys` cannot be removed. With `replay: 'once'`, `clockTolerance` cannot be greater than at the start.
   * Problems of options that `loadConfig` returned are reported with line and column.
   *
   * @param options all options, or a function that returns them; if it throws, that is reported like refused options
   * @throws ConfigError with all problems together, or what the function throws. Then nothing has changed, and the event
   *   `config.refused` and `stats().config` report it
   *
   * @example
   * exchange.reconfigure(() => loadConfig('deployment.toml'))
   */
  reconfigure(options: JwtExchangeOptions | (() => JwtExchangeOptions)): void
  /**
   * Aborts fetches that are in progress. Afterwards no key set is fetched, and neither `identityProviderStore` nor
   * `revocation.store` is followed.
   */
  close(): void
}

/**
 * Creates an exchange from its options. It makes no network connection before a request needs keys.
 *
 * @example
 * const exchange = createJwtExchange({
 *   issuer: 'https://api.example.com/oauth2',
 *   identityProviders: [{ name: 'https://idp.example.com', discovery: true, allowedSubjects: ['service-*'] }],
 *   clients: [{ clientId: 'app', clientSecret: process.env.APP_SECRET ?? '', scopes: ['orders:read'] }],
 *   accessToken: { audience: 'https://api.example.com' },
 * })
 * app.use('/oauth2', exchange.router)
 * app.use(exchange.wellKnown)
 *
 * @throws ConfigError with all problems together
 */
export function createJwtExchange(options: JwtExchangeOptions): JwtExchange {
  const read = readExchangeOptions(options)
  const settings = { ...read, accessToken: withSigningKeys(read.accessToken) }
  const lasting = createLastingParts(settings)
  const { events } = lasting
  const configuration = createConfiguration(settings, lasting)
  const parts = () => configuration.parts
  const reporting = { events, proxyWarning: new ProxyWarning(events) }
  const { byAccessToken, byAssertion } = createAuthentications(settings, parts, reporting)
  const pendingRefusals = new PendingRefusals(events)
  const registry = () => parts().identityProviders
  const stats = () => statsOfAll(registry(), configuration, lasting)
  queueMicrotask(() => begin(settings, lasting))
  return {
    router: createRouter({ configured: parts, tokenEndpoints: () => tokenEndpointsOf(parts().settings), ...reporting }),
    wellKnown: (req, res, next) => parts().wellKnown(req, res, next),
    accessTokenStrategy: createAccessTokenStrategy(byAccessToken, pendingRefusals),
    assertionStrategy: createAssertionStrategy(byAssertion, pendingRefusals),
    protect: (...given) => createProtect(given, byAccessToken),
    verifyAccessToken: async (...given) => verifyForResource(given, parts()),
    explain: async (assertion, explainOptions = {}) => {
      const { explainAssertion } = await import('../explain/explain-assertion.js')
      return explainAssertion(assertion, explainOptions, parts().explain)
    },
    events,
    stats,
    ready: async (readyOptions = {}) => {
      await becomeReady(registry(), readyOptions, lasting)
      return stats()
    },
    ...createIdentityProviderControl({ parts, lasting }),
    ...createRevocationControl({ parts, lasting }),
    reconfigure: (newOptions) => configuration.change(newOptions),
    close: () => close(lasting),
  }
}

async function becomeReady(
  { fixed }: ConfiguredParts['identityProviders'],
  options: ReadyOptions,
  { identityProviderLookup, revocations }: LastingParts,
): Promise<void> {
  const known = Promise.all([identityProviderLookup?.start(), revocations?.start()])
  await warmUp(fixed.values(), options, { timers: systemTimers, random: Math.random, known })
  if (options.failFast === true) revocations?.checkFresh()
}

function createConfiguration(settings: CompleteSettings, lasting: LastingParts): ExchangeConfiguration {
  const fixedOptions = new FixedOptions(settings)
  return new Configuration(createConfiguredParts(settings, lasting), {
    create: (options) => createConfiguredParts(fixedOptions.complete(readExchangeOptions(options), options), lasting),
    putInForce: (parts, now) => {
      putInForce(parts, lasting)
      fixedOptions.note(parts.settings, now)
    },
    events: lasting.events,
    clock: settings.clock,
  })
}

/** What routes ask for at each request, because it can change. */
function routesOf(
  parts: () => ConfiguredParts,
): Omit<AuthenticateAccessTokenDeps, 'challenge' | 'events' | 'proxyWarning'> {
  return {
    isForDefaultResource: (accessToken) => isForDefaultResource(accessToken, parts()),
    verifier: () => parts().verifyAccessToken,
    hostFunctions: () => parts().hostFunctions,
    impliedScopes: () => parts().settings.impliedScopes,
  }
}

function createAuthentications(
  { issuer }: CompleteSettings,
  parts: () => ConfiguredParts,
  reporting: Pick<AuthenticateAccessTokenDeps, 'events' | 'proxyWarning'>,
) {
  const challenge = new Challenge('Bearer', issuer, (resource) => parts().findResourceMetadata(resource))
  // Without metadata: these lead to access tokens, which are not accepted as assertions.
  const ofAssertions = new Challenge('Bearer', issuer)
  return {
    byAccessToken: { challenge, ...reporting, ...routesOf(parts) },
    byAssertion: { challenge: ofAssertions, ...reporting, verification: () => parts().assertionVerification },
  }
}

function tokenEndpointsOf({ tokenEndpoint, mtlsTokenEndpoint }: CompleteSettings): readonly string[] {
  return mtlsTokenEndpoint === undefined ? [tokenEndpoint] : [tokenEndpoint, mtlsTokenEndpoint]
}
