import {
  type AccessTokenOptions,
  type AccessTokenSettings,
  checkAccessTokenOptions,
} from '../access-token/access-token-options.js'
import type { Client } from '../client-auth/client-options.js'
import { type ClientOptions, checkClients, type FindClient } from '../client-auth/client-options.js'
import {
  type ClientAuthenticationOptions,
  type ClientAuthenticationSettings,
  checkClientAuthenticationOptions,
} from '../client-auth/failure-limiter.js'
import { type Clock, systemClock } from '../clock/clock.js'
import { fieldOf } from '../errors/field-of.js'
import type { Grant } from '../grants/grant.js'
import { checkGrants, type GrantSettings } from '../grants/grant-options.js'
import {
  checkHostFunctionOptions,
  type HostFunctionOptions,
  type HostFunctionSettings,
} from '../host-functions/host-functions.js'
import { type AssertionOptions, checkAssertionOptions } from '../identity-provider/assertion-limits.js'
import { checkIdentityProviders } from '../identity-provider/check-identity-providers.js'
import type {
  IdentityProviderOptions,
  IdentityProviderSettings,
} from '../identity-provider/identity-provider-options.js'
import {
  checkJwksEndpointOptions,
  type JwksEndpointOptions,
  type JwksEndpointSettings,
} from '../jwks/jwks-endpoint-options.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'
import { readSubjectMapping, type SubjectOption } from '../policy/subject-mapping.js'
import {
  type AssertionStrategyOptions,
  type AssertionStrategySettings,
  checkAssertionStrategyOptions,
} from '../protected-route/assertion-strategy-options.js'
import { checkReplayOptions, type ReplayOptions, type ReplaySettings } from '../replay/replay-options.js'

/**
 * All options of `createJwtExchange`. In a TOML file the names are the same in snake_case. An option that is named but
 * undefined or null is refused, for example if an environment variable is not set. Leave the option out to get its default.
 *
 * @example
 * const options: JwtExchangeOptions = {
 *   issuer: 'https://api.example.com/oauth2',
 *   identityProviders: [{ name: 'https://idp.example.com', discovery: true, allowedSubjects: ['service-*'] }],
 *   clients: [{ clientId: 'app', clientSecret: process.env.APP_SECRET ?? '', scopes: ['orders:read'] }],
 *   accessToken: { audience: 'https://api.example.com', lifetime: 600 },
 *   assertion: { maxAge: 300 },
 * }
 */
export interface JwtExchangeOptions {
  /**
   * Who this service is as an authorization server: the `iss` of its access tokens. `https`, or `http` on loopback;
   * no query, no fragment (RFC 8414 §2).
   */
  issuer: string
  /** The URL of the token endpoint, for the metadata and as the default `alias`. Default: `{issuer}/token`. */
  tokenEndpoint?: string
  /** Refuse token requests that did not come over TLS, as Express's `req.secure` tells. Default: false. */
  requireHttps?: boolean
  /**
   * Serve `{issuer}/.well-known/openid-configuration` through `exchange.wellKnown`, for verifiers of access tokens that
   * look for the key set there. It is not a login service: there is no `authorization_endpoint`. Default: false.
   */
  openidConfiguration?: boolean
  /** How key sets are fetched. */
  jwksEndpoint?: JwksEndpointOptions
  /** What every assertion must satisfy, unless its identity provider says otherwise. */
  assertion?: AssertionOptions
  /** The identity providers whose assertions are accepted, 1 or more. */
  identityProviders: readonly IdentityProviderOptions[]
  /** The clients; either these or `findClient`. */
  clients?: readonly ClientOptions[]
  /** How the assertion strategy judges requests. */
  assertionStrategy?: AssertionStrategyOptions
  /** Looks clients up, instead of `clients`. */
  findClient?: FindClient
  /** The protection of client secrets against guessing. */
  clientAuthentication?: ClientAuthenticationOptions
  /** The access tokens that are issued. */
  accessToken: AccessTokenOptions
  /**
   * How the `sub` of an access token comes from an assertion, unless its identity provider says otherwise. Must be said
   * when there are several identity providers and not each has its own, because two of them can assert the same `sub`.
   * Default with one: `raw`.
   */
  subject?: SubjectOption
  /** Grant types of your own, in addition to the JWT bearer grant. Clients may use them unless their `grantTypes` say otherwise. */
  grants?: readonly Grant[]
  /** Where used assertions are remembered. */
  replay?: ReplayOptions
  /** Bounds how long requests wait for the functions in these options, and how many calls run at once. */
  hostFunctions?: HostFunctionOptions
  /** The clocks, for tests. Default: the system's. */
  clock?: Clock
}

/** The options, checked and complete. */
export interface JwtExchangeSettings {
  issuer: string
  tokenEndpoint: string
  requireHttps: boolean
  openidConfiguration: boolean
  jwksEndpoint: JwksEndpointSettings
  identityProviders: readonly IdentityProviderSettings[]
  clients: readonly Client[]
  findClient: FindClient | undefined
  clientAuthentication: ClientAuthenticationSettings
  assertionStrategy: AssertionStrategySettings
  accessToken: AccessTokenSettings
  grants: readonly GrantSettings[]
  replay: ReplaySettings
  hostFunctions: HostFunctionSettings
  clock: Clock
}

/**
 * Checks all options at once.
 *
 * @throws ConfigError with every problem
 */
export function checkOptions(options: unknown): Readonly<JwtExchangeSettings> {
  const reader = new OptionReader(options)
  const issuer = reader.string('issuer', 'an https URL without query and fragment (http only on loopback)', isIssuer)
  const tokenEndpoint = readTokenEndpoint(reader, issuer)
  const jwksEndpoint = checkJwksEndpointOptions(reader.object('jwksEndpoint'))
  const accessToken = checkAccessTokenOptions(reader.object('accessToken'))
  const grants = checkGrants(reader)
  const identityProviders = checkIdentityProviders(reader, {
    issuer,
    tokenEndpoint,
    audiences: accessToken.audiences,
    clientIds: reader.has('findClient') ? undefined : clientIdsOf(reader.value('clients')),
    subject: readSubjectMapping(reader),
    limits: checkAssertionOptions(reader.object('assertion')),
    jwksEndpoint,
  })
  const settings = {
    issuer,
    tokenEndpoint,
    requireHttps: reader.boolean('requireHttps', false),
    openidConfiguration: reader.boolean('openidConfiguration', false),
    jwksEndpoint,
    identityProviders,
    clients: checkClients(
      reader,
      new Set(identityProviders.map(({ name }) => name)),
      grants.map(({ grantType }) => grantType),
    ),
    findClient: readFunction<FindClient>(reader, 'findClient'),
    clientAuthentication: checkClientAuthenticationOptions(reader.object('clientAuthentication')),
    assertionStrategy: checkAssertionStrategyOptions(reader.object('assertionStrategy')),
    accessToken,
    grants,
    replay: checkReplayOptions(reader.object('replay')),
    hostFunctions: checkHostFunctionOptions(reader.object('hostFunctions')),
    clock: readClock(reader),
  }
  reader.refuseUnknown()
  reader.throwProblems()
  return Object.freeze(settings)
}

function isIssuer(text: string): boolean {
  return isSecureUrl(text) && !text.includes('?')
}

function readTokenEndpoint(reader: OptionReader, issuer: string): string {
  if (!reader.has('tokenEndpoint')) return `${issuer.replace(/\/$/, '')}/token`
  return reader.string('tokenEndpoint', 'an https URL without fragment (http only on loopback)', isSecureUrl)
}

/** Of the fixed clients, before they are checked. */
function clientIdsOf(clients: unknown): ReadonlySet<string> {
  const ids = Array.isArray(clients) ? clients.map((client) => fieldOf(client, 'clientId')) : []
  return new Set(ids.filter((id) => typeof id === 'string'))
}

function readFunction<Callback>(reader: OptionReader, key: string): Callback | undefined {
  const value = reader.value(key)
  if (value !== undefined && typeof value !== 'function') reader.problem(key, 'a function')
  return value as Callback | undefined
}

function readClock(reader: OptionReader): Clock {
  const clock = (reader.hostObject('clock') ?? systemClock) as Partial<Clock>
  const isClock = typeof clock.now === 'function' && typeof clock.monotonic === 'function'
  if (isClock && isPlausible(clock.now?.()) && Number.isFinite(clock.monotonic?.())) return clock as Clock
  reader.problem('clock', 'an object with the functions now() in seconds and monotonic() in milliseconds')
  return systemClock
}

/** Seconds since 1970, and not milliseconds. */
function isPlausible(now: unknown): boolean {
  return Number.isFinite(now) && Number(now) < 100_000_000_000
}
