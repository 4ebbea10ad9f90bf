import { createAccessTokenSigner } from '../access-token/issue-access-token.js'
import { VerifiedTokenCache } from '../access-token/verified-token-cache.js'
import type { VerifyAccessTokenDeps } from '../access-token/verify-access-token.js'
import { createClientAuthMethods } from '../client-auth/authenticate-client.js'
import type { ClientAuthMethod } from '../client-auth/client-auth-method.js'
import { type ClientKeySources, createClientKeySources } from '../client-auth/client-key-sources.js'
import { type ClientLookup, createFindAssertedClient, createFindClient } from '../client-auth/find-client.js'
import { systemTimers } from '../clock/timers.js'
import type { ExplainDeps } from '../explain/explain-assertion.js'
import { createPublicDocument, type Middleware } from '../express/http.js'
import { createTokenFormParser, type TokenEndpointDeps } from '../express/token-endpoint.js'
import { createWellKnown } from '../express/well-known.js'
import { type CustomGrantDeps, createCustomGrant } from '../grants/custom-grant.js'
import type { GrantHandler } from '../grants/grant.js'
import { authorizeByAssertion, createJwtBearerGrant } from '../grants/jwt-bearer.js'
import { HostFunctions } from '../host-functions/host-functions.js'
import { DEFAULT_LIMITS } from '../identity-provider/assertion-limits.js'
import { createIdentityProviders } from '../identity-provider/create-identity-providers.js'
import { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import type { ProvidersAtRunTime } from '../identity-provider/run-time-identity-providers.js'
import type { RunTimeConfiguration } from '../identity-provider-lookup/loaded-issuer.js'
import type { ChosenJwksClients } from '../jwks/jwks-client-pool.js'
import { JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import type { AcceptAssertionDeps } from '../protected-route/authenticate-assertion.js'
import type { LastingParts } from './lasting-parts.js'
import type { CompleteSettings } from './options.js'

/** What one set of options makes: a request is judged by one of them to its end. */
export interface ConfiguredParts {
  settings: CompleteSettings
  jwksClients: ChosenJwksClients
  identityProviders: IdentityProviderRegistry
  /** By which entries that are looked up become identity providers. */
  runTime: RunTimeConfiguration
  /** By what an assertion as a bearer token is accepted. */
  assertionVerification: AcceptAssertionDeps
  accessTokenVerification: VerifyAccessTokenDeps
  tokenEndpoint: TokenEndpointDeps
  keySet: Middleware
  wellKnown: Middleware
  explain: ExplainDeps
}

/** Who is known: the providers with their keys, and the clients. */
interface Parties {
  hostFunctions: HostFunctions
  jwksClients: ChosenJwksClients
  identityProviders: IdentityProviderRegistry
  findClient: ClientLookup
  clientKeys: ClientKeySources
}

/**
 * Makes everything that depends on the options. Nothing of that can be seen before it is put into force: no switch is
 * turned, no key set is fetched, no event is emitted, and no timer is set.
 */
export function createConfiguredParts(settings: CompleteSettings, lasting: LastingParts): ConfiguredParts {
  const { issuer, clock, accessToken } = settings
  const { audiences, lifetime, signingKeys, cacheSizeBytes } = accessToken
  const parties = createParties(settings, lasting)
  const { jwksClients, identityProviders, findClient } = parties
  const verifiedTokens = new VerifiedTokenCache(cacheSizeBytes)
  const tokenEndpoint = createTokenEndpointDeps(settings, parties, lasting)
  return {
    settings,
    jwksClients,
    identityProviders,
    runTime: createRunTimeConfiguration(settings, parties.hostFunctions),
    assertionVerification: {
      identityProviders,
      issuer,
      clock,
      replayProtection: lasting.replayProtection,
      findClient,
      ...settings.assertionStrategy,
    },
    accessTokenVerification: { issuer, audiences, signingKeys, verifiedTokens, identityProviders, clock },
    tokenEndpoint,
    keySet: createPublicDocument(signingKeys.publicKeySet),
    wellKnown: createWellKnownDocuments(settings, tokenEndpoint, identityProviders),
    explain: { identityProviders, issuer, clock, findClient, audiences, lifetime, grantType: JWT_BEARER_GRANT_TYPE },
  }
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

function createTokenEndpointDeps(
  settings: CompleteSettings,
  parties: Parties,
  lasting: LastingParts,
): TokenEndpointDeps {
  const { issuer, clock, accessToken, requireHttps } = settings
  const { identityProviders, findClient } = parties
  const { events, failureLimiter } = lasting
  const { lifetime, signingKeys } = accessToken
  const clientAuthMethods = createMethods(settings, parties, lasting)
  // Of the client and of the grant, both by identity providers.
  const mayHaveTwo = clientAuthMethods.some(({ credentialKind }) => credentialKind === 'identity_provider')
  return {
    issuer,
    lifetime,
    signAccessToken: createAccessTokenSigner(signingKeys),
    clock,
    events,
    grants: new Map(createGrants(settings, parties, lasting).map((grant) => [grant.grantType, grant])),
    clientAuthMethods,
    findClient,
    failureLimiter,
    parseForm: createTokenFormParser(identityProviders.maxAssertionBytes * (mayHaveTwo ? 2 : 1)),
    requireHttps,
  }
}

function createMethods(
  { issuer, tokenEndpoint, clock, clients, findClient, clientAuthentication, clientCertificate }: CompleteSettings,
  { identityProviders, clientKeys }: Parties,
  { replayProtection }: LastingParts,
): ClientAuthMethod[] {
  return createClientAuthMethods(findClient === undefined ? clients : undefined, {
    issuer,
    audiences: new Set([issuer, ...(clientAuthentication.allowTokenEndpointAudience ? [tokenEndpoint] : [])]),
    clock,
    replayProtection,
    identityProviders,
    keysOf: clientKeys,
    findAssertedClient: createFindAssertedClient(clients),
    certificateHeader: clientCertificate,
  })
}

function createGrants(
  { issuer, clock, accessToken, grants, refusals }: CompleteSettings,
  { hostFunctions, identityProviders, findClient }: Parties,
  { replayProtection }: LastingParts,
): GrantHandler[] {
  const { audiences } = accessToken
  const deps = { identityProviders, issuer, clock, replayProtection, findClient, audiences, ...refusals }
  const customDeps: CustomGrantDeps = {
    ...deps,
    hostFunctions,
    authorizeAssertion: (assertion, form, client, signal) =>
      authorizeByAssertion(assertion, form, client, deps, signal),
  }
  return [createJwtBearerGrant(deps), ...grants.map((grant) => createCustomGrant(grant, customDeps))]
}

function createWellKnownDocuments(
  settings: CompleteSettings,
  { grants, clientAuthMethods }: TokenEndpointDeps,
  { mayBeWithoutClient }: IdentityProviderRegistry,
): Middleware {
  const { issuer, tokenEndpoint, mtlsTokenEndpoint, openidConfiguration, metadata, accessToken } = settings
  const { keys } = accessToken.signingKeys.publicKeySet
  return createWellKnown({
    issuer,
    tokenEndpoint,
    mtlsTokenEndpoint,
    grantTypes: [...grants.keys()],
    clientAuthMethods,
    mayBeWithoutClient,
    scopes: scopesOf(settings),
    signingAlgorithms: [...new Set(keys.map(({ alg }) => String(alg)))],
    openidConfiguration,
    metadata,
  })
}

/** The scopes that the metadata list: all scopes that the options let a caller obtain. */
function scopesOf({ clients, identityProviders }: CompleteSettings): string[] {
  const withoutClient = identityProviders.filter(({ clientAuthentication }) => clientAuthentication === 'optional')
  const obtainable = withoutClient.flatMap(({ scopes, policy: { bindings } }) => {
    const ofBindings = bindings.filter((each) => each.clients === undefined).flatMap((each) => [...each.scopes])
    return bindings.length === 0 ? [...(scopes ?? [])] : ofBindings.filter((scope) => scopes?.has(scope) !== false)
  })
  return [...new Set([...clients.flatMap(({ scopes }) => scopes), ...obtainable])]
}
