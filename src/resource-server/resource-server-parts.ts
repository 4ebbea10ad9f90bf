import type { AccessTokenVerifier } from '../access-token/access-token.js'
import type { Resource } from '../access-token/resources.js'
import { VerifiedTokenCache } from '../access-token/verified-token-cache.js'
import { systemTimers } from '../clock/timers.js'
import type { LastingTrust } from '../exchange/lasting-parts.js'
import type { ExplainAccessTokenDeps } from '../explain/explain-access-token.js'
import type { Middleware } from '../express/http.js'
import { createFindResourceDocument, createResourceWellKnown } from '../express/resource-documents.js'
import { HostFunctions } from '../host-functions/host-functions.js'
import { createIdentityProviders, warnOfCertificates } from '../identity-provider/create-identity-providers.js'
import { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import type { ChosenJwksClients } from '../jwks/jwks-client-pool.js'
import type { FindResourceMetadata } from '../protected-route/challenge.js'
import { createFindResourceMetadata, describeResources } from '../protected-route/resource-metadata.js'
import { createIssuerTokenVerifier } from '../trusted-issuer/access-token-verifier.js'
import type { VerifiedIssuerToken } from '../trusted-issuer/trusted-issuer.js'
import { TrustedIssuers } from '../trusted-issuer/trusted-issuers.js'
import type { ResourceServerSettings } from './resource-server-options.js'

/** What one set of options makes: a request is judged by one of them to its end. */
export interface ResourceServerParts {
  settings: ResourceServerSettings
  /** By what the functions of the host are bounded. */
  hostFunctions: HostFunctions
  jwksClients: ChosenJwksClients
  identityProviders: IdentityProviderRegistry
  trustedIssuers: TrustedIssuers
  verifyAccessToken: AccessTokenVerifier
  /** Serves the metadata of the resources. */
  wellKnown: Middleware
  findResourceMetadata: FindResourceMetadata
  explain: ExplainAccessTokenDeps
}

/** Nothing of it can be seen before it is put into force: nothing is fetched or reported. */
export function createResourceServerParts(
  settings: ResourceServerSettings,
  lasting: LastingTrust,
): ResourceServerParts {
  const { issuers, jwksEndpoint, clock, cacheSizeBytes } = settings
  const { events, trustSwitches, certificateWarnings } = lasting
  const hostFunctions = new HostFunctions(settings.hostFunctions, { timers: systemTimers, events })
  const jwksClients = lasting.jwksClients.choose(jwksEndpoint)
  const deps = { jwksClients, clock, hostFunctions, certificateWarnings, trustSwitches }
  const identityProviders = new IdentityProviderRegistry(
    createIdentityProviders(issuers, 'options', deps),
    trustSwitches,
  )
  const verifiedTokens = new VerifiedTokenCache<VerifiedIssuerToken>(cacheSizeBytes)
  const closing = lasting.closing.signal
  const trustedIssuers = new TrustedIssuers({
    ...{ identityProviders, findClient: undefined, verifiedTokens, clock, events, closing },
  })
  return {
    settings,
    hostFunctions,
    jwksClients,
    identityProviders,
    trustedIssuers,
    verifyAccessToken: createIssuerTokenVerifier(trustedIssuers),
    ...createResourceParts(settings),
    explain: { issuers: trustedIssuers, identityProviders, clock },
  }
}

/** Makes one configuration the one in force, which cannot fail. */
export function putInForce(
  { settings, jwksClients, identityProviders }: ResourceServerParts,
  lasting: LastingTrust,
): void {
  lasting.jwksClients.use(jwksClients)
  identityProviders.putInForce(settings.issuers)
  // So that a listener attached right after creation hears it.
  queueMicrotask(() => warnOfCertificates(settings.issuers, lasting.certificateWarnings))
}

/**
 * The metadata of the resources. The issuers that are switched off are not in them. A challenge without a resource names the one
 * that the issuers have as their audience.
 */
function createResourceParts({ issuers, resources }: ResourceServerSettings) {
  const authorizationServers = issuers.filter(({ enabled }) => enabled).map(({ name }) => name)
  const described = describeResources(resources, authorizationServers)
  const isAudience = ({ identifier }: Resource) => issuers.some(({ audiences }) => audiences.has(identifier))
  const defaults = new Set(resources.filter(isAudience).map(({ identifier }) => identifier))
  return {
    wellKnown: createResourceWellKnown(createFindResourceDocument(described, defaults)),
    findResourceMetadata: createFindResourceMetadata(described, defaults),
  }
}
