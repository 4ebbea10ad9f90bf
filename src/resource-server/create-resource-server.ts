import type { AccessToken } from '../access-token/access-token.js'
import { systemTimers } from '../clock/timers.js'
import type { ExchangeEventSource } from '../events/exchange-events.js'
import { Configuration, type ConfigurationStats } from '../exchange/configuration.js'
import { closeTrust, createLastingTrust, type LastingTrust } from '../exchange/lasting-parts.js'
import { type IdentityProviderStats, statsOf } from '../exchange/stats.js'
import type { AccessTokenExplanation } from '../explain/explain-access-token.js'
import type { Middleware } from '../express/http.js'
import { createProtect, type ProtectOptions } from '../express/protect.js'
import { type ReadyOptions, warmUp } from '../identity-provider/warm-up.js'
import type { IntrospectionStats } from '../introspection/introspection-client.js'
import { ConfigError } from '../option-checks/config-error.js'
import { PendingRefusals } from '../passport/pending-refusals.js'
import type { PassportStrategy } from '../passport/promise-strategy.js'
import { createAccessTokenStrategy } from '../passport/strategies.js'
import { Challenge, type FindResourceMetadata } from '../protected-route/challenge.js'
import { ProxyWarning } from '../protected-route/proxy-warning.js'
import {
  type ResourceServerOptions,
  type ResourceServerSettings,
  readResourceServerOptions,
} from './resource-server-options.js'
import { createResourceServerParts, putInForce, type ResourceServerParts } from './resource-server-parts.js'

/** Protects routes with access tokens of other issuers. It issues none. */
export interface ResourceServer {
  /**
   * Lets a request pass if it has an access token of one of the issuers: `getAuth(req)` and `req.auth` are the `AccessToken`.
   *
   * @throws ConfigError for an unknown option, so that a typo cannot leave a route open
   */
  protect(options?: ProtectOptions): Middleware
  /** RFC 9728 metadata for each of `resources`. Mount it at the host's root: `app.use(resourceServer.wellKnown)`. */
  wellKnown: Middleware
  /** Passport strategy `'access-token'`: `req.user` is the `AccessToken`. Set `session: false` on each route. */
  accessTokenStrategy: PassportStrategy
  /**
   * Makes the same check without HTTP.
   *
   * @throws TokenRejected with a `reason`
   * @throws DependencyUnavailable if the keys of the issuer are needed and cannot be fetched
   */
  verifyAccessToken(token: string): Promise<AccessToken>
  /**
   * Explains step by step whether a token would be accepted: what was expected, and what was found. It is for operators, not for
   * callers. Keys may be fetched as for a request.
   *
   * @throws ConfigError for a token that is not a string
   */
  explain(token: string): Promise<AccessTokenExplanation>
  /** Emits every event that is about routes, key sets and the configuration. docs/observability.md lists them. */
  events: ExchangeEventSource
  /** The issuers with their keys and fetches, and the configuration in force. */
  stats(): ResourceServerStats
  /**
   * Fetches all key sets that are not fresh, before the first request or for a readiness probe. Settles within 5 seconds plus
   * `spread`. Rejects only with `failFast`.
   *
   * @throws ConfigError for an unknown option
   * @throws DependencyUnavailable with `failFast`
   */
  ready(options?: ReadyOptions): Promise<ResourceServerStats>
  /**
   * Replaces all options atomically. Issuers with the same first audience and key endpoint keep their key sets. `clock` cannot
   * change.
   *
   * @throws ConfigError with all problems together, or what the function throws. Then nothing has changed
   */
  reconfigure(options: ResourceServerOptions | (() => ResourceServerOptions)): void
  /** Aborts fetches and questions that are in progress. No key set is fetched and no question asked afterwards. */
  close(): void
}

/** Statistics for operators. They name the issuers, so do not publish them. */
export interface ResourceServerStats {
  identityProviders: readonly IssuerStats[]
  config: ConfigurationStats
}

/** One issuer, the state of its keys, and what it was asked about its tokens. */
export interface IssuerStats extends IdentityProviderStats {
  /** Absent without the option `introspection`. */
  introspection?: IntrospectionStats
}

/**
 * Creates what protects routes with access tokens of other issuers (RFC 9068 §4): the exchange of another service, or any
 * authorization server. It makes no network connection before a request needs keys.
 *
 * @example
 * const resourceServer = createResourceServer({
 *   issuer: 'https://auth.example.com/oauth2',
 *   audience: 'https://api.example.com',
 * })
 * app.get('/orders', resourceServer.protect({ scope: 'orders:read' }), (req, res) => {
 *   res.json({ for: getAuth(req).sub })
 * })
 *
 * @throws ConfigError with all problems together
 */
export function createResourceServer(options: ResourceServerOptions): ResourceServer {
  const settings = readResourceServerOptions(options)
  const lasting = createLastingTrust(settings.clock)
  const { events } = lasting
  const configuration = createConfiguration(settings, lasting)
  const parts = () => configuration.parts
  const stats = () => ({
    identityProviders: statsOfIssuers(parts()),
    config: configuration.stats(),
  })
  const findMetadata: FindResourceMetadata = (resource) => parts().findResourceMetadata(resource)
  const authentication = {
    challenge: new Challenge('Bearer', settings.issuers[0]?.alias ?? '', findMetadata),
    events,
    proxyWarning: new ProxyWarning(events),
    verifier: () => parts().verifyAccessToken,
    hostFunctions: () => parts().hostFunctions,
    impliedScopes: () => parts().settings.impliedScopes,
    isForDefaultResource: () => true, // Each issuer has an audience of its own.
  }
  return {
    protect: (...given) => createProtect(given, authentication),
    wellKnown: (req, res, next) => parts().wellKnown(req, res, next),
    accessTokenStrategy: createAccessTokenStrategy(authentication, new PendingRefusals(events)),
    verifyAccessToken: async (token) => parts().verifyAccessToken(token),
    explain: async (token) => {
      const { explainAccessToken } = await import('../explain/explain-access-token.js')
      return explainAccessToken(token, parts().explain)
    },
    events,
    stats,
    ready: async (readyOptions = {}) => {
      const issuers = parts().identityProviders.fixed.values()
      await warmUp(issuers, readyOptions, { timers: systemTimers, random: Math.random })
      return stats()
    },
    reconfigure: (newOptions) => configuration.change(newOptions),
    close: () => closeTrust(lasting),
  }
}

function statsOfIssuers({ identityProviders, trustedIssuers }: ResourceServerParts): IssuerStats[] {
  return identityProviders.all().map((issuer) => {
    const introspection = trustedIssuers.introspectionStats(issuer.id)
    return { ...statsOf(issuer), ...(introspection !== undefined && { introspection }) }
  })
}

function createConfiguration(settings: ResourceServerSettings, lasting: LastingTrust) {
  return new Configuration(createResourceServerParts(settings, lasting), {
    create: (given: ResourceServerOptions) => createResourceServerParts(readOtherOptions(given, settings), lasting),
    putInForce: (parts) => putInForce(parts, lasting),
    events: lasting.events,
    clock: settings.clock,
  })
}

/** @throws ConfigError, also for another clock: what is remembered counts by the first one */
function readOtherOptions(options: unknown, { clock }: ResourceServerSettings): ResourceServerSettings {
  const settings = readResourceServerOptions(options)
  if (settings.clock === clock) return settings
  const message = 'cannot change while the resource server runs; restart the process'
  throw new ConfigError([{ code: 'fixed', path: ['clock'], message }])
}
