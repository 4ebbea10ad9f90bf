import type { AccessTokenVerifier } from '../access-token/access-token.js'
import { VerifiedTokenCache } from '../access-token/verified-token-cache.js'
import { type VerifyAccessTokenDeps, verifyAccessToken } from '../access-token/verify-access-token.js'
import { createClientKeySources } from '../client-auth/client-key-sources.js'
import { createFindClient } from '../client-auth/find-client.js'
import { systemTimers } from '../clock/timers.js'
import type { ExplainDeps } from '../explain/explain-assertion.js'
import { createPublicDocument, type Middleware } from '../express/http.js'
import type { TokenEndpointDeps } from '../express/token-endpoint.js'
import type { IntrospectionEndpointDeps, RevocationEndpointDeps } from '../express/token-status-endpoints.js'
import { HostFunctions } from '../host-functions/host-functions.js'
import { DEFAULT_LIMITS } from '../identity-provider/assertion-limits.js'
import { createIdentityProviders, warnOfCertificates } from '../identity-provider/create-identity-providers.js'
import { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import type { ProvidersAtRunTime } from '../identity-provider/run-time-identity-providers.js'
import type { RunTimeConfiguration } from '../identity-provider-lookup/loaded-issuer.js'
import type { ChosenJwksClients } from '../jwks/jwks-client-pool.js'
import { JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import type { AcceptAssertionDeps } from '../protected-route/authenticate-assertion.js'
import type { FindResourceMetadata } from '../protected-route/challenge.js'
import { createFindResourceMetadata, describeResources } from '../protected-route/resource-metadata.js'
import { createAccessTokenVerifier } from '../trusted-issuer/access-token-verifier.js'
import { TrustedIssuers } from '../trusted-issuer/trusted-issuers.js'
import { createTokenEndpointDeps, createWellKnownDocuments, type Parties } from './configured-endpoints.js'
import { createStatusEndpoints } from './configured-status-endpoints.js'
import type { LastingParts } from './lasting-parts.js'
import type { CompleteSettings } from './options.js'

/** What one set of options makes: a request is judged by one of them to its end. */
export interface ConfiguredParts {
  settings: CompleteSettings
  jwksClients: ChosenJwksClients
  identityProviders: IdentityProviderRegistry
  /** By what the functions of the host are bounded. */
  hostFunctions: HostFunctions
  /** By which entries that are looked up become identity providers. */
  runTime: RunTimeConfiguration
  /** By what an assertion as a bearer token is accepted. */
  assertionVerification: AcceptAssertionDeps
  /** By what routes accept an access token. */
  verifyAccessToken: AccessTokenVerifier
  tokenEndpoint: TokenEndpointDeps
  /** undefined: not served. */
  introspection: IntrospectionEndpointDeps | undefined
  revocation: RevocationEndpointDeps | undefined
  keySet: Middleware
  wellKnown: Middleware
  /** Where the metadata of a resource are. */
  findResourceMetadata: FindResourceMetadata
  explain: ExplainDeps
}

/**
 * Makes everything that depends on the options. Nothing of that can be seen before it is put into force: no switch is
 * turned, no key set is fetched, no event is emitted, and no timer is set.
 */
export function createConfiguredParts(settings: CompleteSettings, lasting: LastingParts): ConfiguredParts {
  const { issuer, clock, accessToken } = settings
  const { resources, lifetime, signingKeys } = accessToken
  const parties = createParties(settings, lasting)
  const { jwksClients, identityProviders, findClient } = parties
  const own = createOwnVerification(settings, parties, lasting)
  const verifyOwnToken: AccessTokenVerifier = (token) => verifyAccessToken(token, own)
  const tokenEndpoint = createTokenEndpointDeps(settings, parties, lasting)
  const described = describeResources(settings.resources ?? [], [issuer])
  return {
    settings,
    jwksClients,
    identityProviders,
    hostFunctions: parties.hostFunctions,
    runTime: createRunTimeConfiguration(settings, parties.hostFunctions),
    assertionVerification: {
      identityProviders,
      issuer,
      clock,
      replayProtection: lasting.replayProtection,
      findClient,
      ...settings.assertionStrategy,
    },
    verifyAccessToken: createVerifier(own, settings, parties, lasting),
    tokenEndpoint,
    ...createStatusEndpoints(settings, { tokenEndpoint, identityProviders, verifyOwnToken }, lasting),
    keySet: createPublicDocument(signingKeys.publicKeySet),
    wellKnown: createWellKnownDocuments(settings, described, tokenEndpoint, identityProviders),
    findResourceMetadata: createFindResourceMetadata(described, resources.defaults),
    explain: { identityProviders, issuer, clock, findClient, resources, lifetime, grantType: JWT_BEARER_GRANT_TYPE },
  }
}

/** Makes one configuration the one in force, which cannot fail. */
export function putInForce(
  { settings, jwksClients, identityProviders, runTime }: ConfiguredParts,
  lasting: LastingParts,
): void {
  lasting.jwksClients.use(jwksClients)
  identityProviders.putInForce(settings.identityProviders)
  if (settings.identityProviderLookup !== undefined) {
    lasting.identityProviderLookup?.use(settings.identityProviderLookup, runTime)
  }
  // So that a listener attached right after creation hears it.
  queueMicrotask(() => warnOfCertificates(settings.identityProviders, lasting.certificateWarnings))
}

/** By what access tokens of this service are accepted. */
function createOwnVerification(
  { issuer, clock, accessToken }: CompleteSettings,
  { identityProviders }: Parties,
  { revocations }: LastingParts,
): VerifyAccessTokenDeps {
  const { audiences, signingKeys, cacheSizeBytes } = accessToken
  const verifiedTokens = new VerifiedTokenCache(cacheSizeBytes)
  return { issuer, audiences, signingKeys, verifiedTokens, identityProviders, revocations, clock }
}

/** Each cache is for one kind of token, so that neither pushes out what the other remembers. */
function createVerifier(
  own: VerifyAccessTokenDeps,
  { clock, accessToken }: CompleteSettings,
  { identityProviders, findClient }: Parties,
  { events, closing }: LastingParts,
): AccessTokenVerifier {
  const issuers = { identityProviders, findClient, clock, events, closing: closing.signal }
  return createAccessTokenVerifier(
    own,
    new TrustedIssuers({ ...issuers, verifiedTokens: new VerifiedTokenCache(accessToken.cacheSizeBytes) }),
  )
}

function createParties(settings: CompleteSettings, lasting: LastingParts): Parties {
  const { clock, clients, findClient, grants } = settings
  const { events, trustSwitches, certificateWarnings } = lasting
  const hostFunctions = new HostFunctions(settings.hostFunctions, { timers: systemTimers, events })
  const jwksClients = lasting.jwksClients.choose(settings.jwksEndpoint)
  const deps = { jwksClients, clock, hostFunctions, certificateWarnings, trustSwitches }
  const identityProviders = createIdentityProviders(settings.identityProviders, 'options', deps)
  return {
    hostFunctions,
    jwksClients,
    identityProviders: new IdentityProviderRegistry(
      identityProviders,
      trustSwitches,
      providersAtRunTime(settings, lasting),
    ),
    findClient: createFindClient(clients, findClient && hostFunctions.limit({ function: 'findClient' }, findClient), {
      ownGrantTypes: grants.map(({ grantType }) => grantType),
      jwksEndpoint: settings.jwksEndpoint,
      resources: settings.accessToken.resources,
      identityProviderNames: new Set(settings.identityProviders.map(({ name }) => name)),
    }),
    clientKeys: createClientKeySources(clients, settings.issuer, jwksClients),
  }
}

function providersAtRunTime(
  { identityProviderLookup, identityProviderContext }: CompleteSettings,
  { identityProviderLookup: lookup }: LastingParts,
): ProvidersAtRunTime | undefined {
  if (identityProviderLookup === undefined || lookup === undefined) return undefined
  const mayBeWithoutClient = identityProviderLookup.clientAuthentication === 'optional'
  return { lookup, mayBeWithoutClient, maxAssertionBytes: identityProviderContext.limits.maxBytes }
}

function createRunTimeConfiguration(settings: CompleteSettings, hostFunctions: HostFunctions): RunTimeConfiguration {
  const { identityProviderContext, identityProviders, identityProviderLookup, jwksEndpoint } = settings
  return {
    ...identityProviderContext,
    fixed: identityProviders,
    maxBytes: Math.max(DEFAULT_LIMITS.maxBytes, identityProviderContext.limits.maxBytes),
    mayBeWithoutClient: identityProviderLookup?.clientAuthentication === 'optional',
    jwksSettings: jwksEndpoint,
    hostFunctions,
  }
}
