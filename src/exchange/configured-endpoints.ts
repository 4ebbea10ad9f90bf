import { createAccessTokenSigner } from '../access-token/issue-access-token.js'
import { createClientAuthMethods } from '../client-auth/authenticate-client.js'
import type { ClientAuthMethod } from '../client-auth/client-auth-method.js'
import type { ClientKeySources } from '../client-auth/client-key-sources.js'
import { type ClientLookup, createFindAssertedClient } from '../client-auth/find-client.js'
import type { Middleware } from '../express/http.js'
import { createFindResourceDocument } from '../express/resource-documents.js'
import { createTokenFormParser, type TokenEndpointDeps } from '../express/token-endpoint.js'
import { createWellKnown } from '../express/well-known.js'
import { type CustomGrantDeps, createCustomGrant } from '../grants/custom-grant.js'
import type { GrantHandler } from '../grants/grant.js'
import { authorizeByAssertion, createJwtBearerGrant } from '../grants/jwt-bearer.js'
import type { HostFunctions } from '../host-functions/host-functions.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import type { ChosenJwksClients } from '../jwks/jwks-client-pool.js'
import type { ResourceMetadata } from '../protected-route/resource-metadata.js'
import type { LastingParts } from './lasting-parts.js'
import type { CompleteSettings } from './options.js'

/** Who is known: the providers with their keys, and the clients. */
export interface Parties {
  hostFunctions: HostFunctions
  jwksClients: ChosenJwksClients
  identityProviders: IdentityProviderRegistry
  findClient: ClientLookup
  clientKeys: ClientKeySources
}

export function createTokenEndpointDeps(
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
  const { resources } = accessToken
  const deps = { identityProviders, issuer, clock, replayProtection, findClient, resources, ...refusals }
  const customDeps: CustomGrantDeps = {
    ...deps,
    hostFunctions,
    authorizeAssertion: (assertion, form, client, signal) =>
      authorizeByAssertion(assertion, form, client, deps, signal),
  }
  return [createJwtBearerGrant(deps), ...grants.map((grant) => createCustomGrant(grant, customDeps))]
}

export function createWellKnownDocuments(
  settings: CompleteSettings,
  described: readonly ResourceMetadata[],
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
    isIntrospectionServed: settings.introspection,
    isRevocationServed: settings.revocation.isOn,
    scopes: scopesOf(settings),
    signingAlgorithms: [...new Set(keys.map(({ alg }) => String(alg)))],
    openidConfiguration,
    metadata,
    resources: (settings.resources ?? []).map(({ identifier }) => identifier),
    findResourceDocument: createFindResourceDocument(described, accessToken.resources.defaults),
  })
}

/** The scopes that the metadata list: all scopes that the options let a caller obtain. */
function scopesOf({ clients, identityProviders, resources = [] }: CompleteSettings): string[] {
  const withoutClient = identityProviders.filter(({ clientAuthentication }) => clientAuthentication === 'optional')
  const obtainable = withoutClient.flatMap(({ scopes, policy: { bindings } }) => {
    const ofBindings = bindings.filter((each) => each.clients === undefined).flatMap((each) => [...each.scopes])
    return bindings.length === 0 ? [...(scopes ?? [])] : ofBindings.filter((scope) => scopes?.has(scope) !== false)
  })
  const isOfResource = (scope: string) =>
    resources.length === 0 || resources.some(({ scopes }) => scopes?.has(scope) !== false)
  return [...new Set([...clients.flatMap(({ scopes }) => scopes), ...obtainable])].filter(isOfResource)
}
