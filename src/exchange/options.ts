import {
  type AccessTokenOptions,
  type AccessTokenSettings,
  type CompleteAccessTokenSettings,
  readAccessTokenOptions,
} from '../access-token/access-token-options.js'
import { type RefusalOptions, type RefusalSettings, readRefusalOptions } from '../authorization/refusal-advice.js'
import {
  type ClientCertificateHeader,
  type ClientCertificateHeaderOptions,
  readClientCertificateHeader,
} from '../client-auth/client-certificate-header.js'
import type { Client, ClientOptions, FindClient } from '../client-auth/client-options.js'
import {
  type ClientAuthenticationOptions,
  type ClientAuthenticationSettings,
  readClientAuthenticationOptions,
} from '../client-auth/failure-limiter.js'
import { readFindClient } from '../client-auth/find-client.js'
import { clientIdsOf, readClients } from '../client-auth/read-clients.js'
import type { Clock } from '../clock/clock.js'
import type { Grant } from '../grants/grant.js'
import { type GrantSettings, readGrants } from '../grants/grant-options.js'
import {
  type HostFunctionOptions,
  type HostFunctionSettings,
  readHostFunctionOptions,
} from '../host-functions/host-functions.js'
import { type AssertionOptions, readAssertionOptions } from '../identity-provider/assertion-limits.js'
import type {
  IdentityProviderContext,
  IdentityProviderOptions,
  IdentityProviderSettings,
} from '../identity-provider/identity-provider-options.js'
import { readIdentityProviders } from '../identity-provider/read-identity-providers.js'
import {
  type IdentityProviderLookupSettings,
  type IdentityProvidersAtRunTime,
  readIdentityProviderLookup,
} from '../identity-provider-lookup/lookup-options.js'
import {
  type JwksEndpointOptions,
  type JwksEndpointSettings,
  readJwksEndpointOptions,
} from '../jwks/jwks-endpoint-options.js'
import type { OptionProblem } from '../option-checks/config-error.js'
import { throwProblemsOf } from '../option-checks/findings.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { readSubjectMapping, type SubjectOption } from '../policy/subject-mapping.js'
import {
  type AssertionStrategyOptions,
  type AssertionStrategySettings,
  readAssertionStrategyOptions,
} from '../protected-route/authenticate-assertion.js'
import { type ReplayOptions, type ReplaySettings, readReplayOptions } from '../replay/replay-options.js'
import {
  type RevocationOptions,
  type RevocationSettings,
  readRevocationOptions,
} from '../revocation/revocation-options.js'
import {
  type AuthorizationServerOptions,
  type AuthorizationServerSettings,
  readAuthorizationServerOptions,
} from './authorization-server-options.js'
import { readClock } from './read-clock.js'

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
export interface JwtExchangeOptions extends AuthorizationServerOptions, IdentityProvidersAtRunTime {
  /** How key sets are fetched. */
  jwksEndpoint?: JwksEndpointOptions
  /** What every assertion must satisfy, unless the entry of its identity provider says otherwise. */
  assertion?: AssertionOptions
  /**
   * The identity providers whose assertions are accepted. Required, with 1 entry or more, unless others are looked up. For its
   * `name`, an entry here wins over what is looked up.
   */
  identityProviders?: readonly IdentityProviderOptions[]
  /**
   * The clients. Set either `clients` or `findClient`. Neither is needed if an identity provider has
   * `clientAuthentication: 'optional'`.
   */
  clients?: readonly ClientOptions[]
  /** How the assertion strategy handles requests. */
  assertionStrategy?: AssertionStrategyOptions
  /** Looks clients up, instead of `clients`. */
  findClient?: FindClient
  /** Protects client secrets against guessing. */
  clientAuthentication?: ClientAuthenticationOptions
  /** What the answer says if the policy refuses a verified assertion. */
  refusals?: RefusalOptions
  /** The header in which a proxy that ends TLS passes on the certificate of the client. */
  clientCertificate?: ClientCertificateHeaderOptions
  /** The access tokens that are issued. */
  accessToken: AccessTokenOptions
  /**
   * How the `sub` of an access token is made from an assertion, unless the entry of its identity provider says otherwise.
   * Required with several identity providers that do not all have their own `subject`, because two of them can assert the same
   * `sub`. Default with one identity provider: `raw`.
   */
  subject?: SubjectOption
  /** Grant types of your own, in addition to the JWT bearer grant. Clients may use them unless their `grantTypes` say otherwise. */
  grants?: readonly Grant[]
  /** Where used assertions are remembered. */
  replay?: ReplayOptions
  /** Whether access tokens can be revoked, and where revocations are kept. Default: they cannot. */
  revocation?: RevocationOptions
  /** Bounds how long requests wait for the functions in these options, and how many calls run at once. */
  hostFunctions?: HostFunctionOptions
  /** The clocks, for tests. Default: the system's. */
  clock?: Clock
}

/** The options, checked and complete. */
export interface JwtExchangeSettings extends AuthorizationServerSettings {
  jwksEndpoint: JwksEndpointSettings
  identityProviders: readonly IdentityProviderSettings[]
  /** By which entries of identity providers are read, also those that are looked up. */
  identityProviderContext: IdentityProviderContext
  /** undefined: there are no others than those in the options. */
  identityProviderLookup: IdentityProviderLookupSettings | undefined
  clients: readonly Client[]
  findClient: FindClient | undefined
  clientAuthentication: ClientAuthenticationSettings
  clientCertificate: ClientCertificateHeader | undefined
  assertionStrategy: AssertionStrategySettings
  refusals: RefusalSettings
  accessToken: AccessTokenSettings
  grants: readonly GrantSettings[]
  replay: ReplaySettings
  revocation: RevocationSettings
  hostFunctions: HostFunctionSettings
  clock: Clock
}

/** The settings of a running exchange, which has signing keys. */
export interface CompleteSettings extends JwtExchangeSettings {
  accessToken: CompleteAccessTokenSettings
}

/**
 * Reads all options. Nothing is created: a signing key, for example, is generated later.
 *
 * @throws ConfigError with all problems together
 */
export function readExchangeOptions(options: unknown): Readonly<JwtExchangeSettings> {
  const { settings, problems } = inspectOptions(options)
  throwProblemsOf(options, problems)
  return settings
}

/** What was found in options. The settings can be used only if there is no problem. */
export interface InspectedOptions {
  settings: Readonly<JwtExchangeSettings>
  problems: readonly OptionProblem[]
}

export function inspectOptions(options: unknown): InspectedOptions {
  const reader = new OptionReader(options)
  const authorizationServer = readAuthorizationServerOptions(reader)
  const jwksEndpoint = readJwksEndpointOptions(reader.object('jwksEndpoint'))
  const accessToken = readAccessTokenOptions(reader.object('accessToken'), authorizationServer.resources)
  const grants = readGrants(reader)
  const trust = readTrust(reader, { ...authorizationServer, ...accessToken, jwksEndpoint })
  const ownGrantTypes = grants.map(({ grantType }) => grantType)
  const clients = readClients(reader, { ...trust, ownGrantTypes, jwksEndpoint, resources: accessToken.resources })
  const settings = {
    ...authorizationServer,
    jwksEndpoint,
    ...trust,
    clients,
    findClient: readFindClient(reader),
    clientAuthentication: readClientAuthenticationOptions(reader.object('clientAuthentication')),
    clientCertificate: readClientCertificateHeader(reader, clients),
    assertionStrategy: readAssertionStrategyOptions(reader.object('assertionStrategy')),
    refusals: readRefusalOptions(reader.object('refusals')),
    accessToken,
    grants,
    replay: readReplayOptions(reader.object('replay')),
    revocation: readRevocationOptions(reader.object('revocation'), reader.has('revocation')),
    hostFunctions: readHostFunctionOptions(reader.object('hostFunctions')),
    clock: readClock(reader),
  }
  reader.refuseUnknown()
  return { settings: Object.freeze(settings), problems: reader.problems() }
}

/** Whose assertions are accepted: the identity providers in the options, and those that are looked up. */
function readTrust(
  reader: OptionReader,
  { issuer, tokenEndpoint, audiences, jwksEndpoint }: Omit<IdentityProviderContext, 'clientIds' | 'subject' | 'limits'>,
): Pick<JwtExchangeSettings, 'identityProviders' | 'identityProviderContext' | 'identityProviderLookup'> {
  const identityProviderContext = {
    issuer,
    tokenEndpoint,
    audiences,
    clientIds: reader.has('findClient') ? undefined : clientIdsOf(reader.value('clients')),
    subject: readSubjectMapping(reader),
    limits: readAssertionOptions(reader.object('assertion')),
    jwksEndpoint,
  }
  const identityProviderLookup = readIdentityProviderLookup(reader)
  const areMoreAtRunTime = identityProviderLookup !== undefined
  const identityProviders = readIdentityProviders(reader, identityProviderContext, areMoreAtRunTime)
  return { identityProviders, identityProviderContext, identityProviderLookup }
}
