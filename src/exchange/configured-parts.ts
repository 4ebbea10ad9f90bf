import { createAccessTokenSigner } from '../access-token/issue-access-token.js'
import { VerifiedTokenCache } from '../access-token/verified-token-cache.js'
import type { FailureLimiter } from '../client-auth/failure-limiter.js'
import { createFindClient } from '../client-auth/find-client.js'
import { systemTimers } from '../clock/timers.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { Middleware } from '../express/http.js'
import { createMetadataEndpoint } from '../express/metadata-endpoint.js'
import { createPublicDocument } from '../express/public-document.js'
import { createTokenFormParser } from '../express/token-endpoint.js'
import { createJwtBearerGrant } from '../grants/jwt-bearer.js'
import { HostFunctions } from '../host-functions/host-functions.js'
import { createIdentityProviders } from '../identity-provider/create-identity-providers.js'
import { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import type { TrustSwitch } from '../identity-provider/trust-switch.js'
import { fetchJwks } from '../jwks/fetch-jwks.js'
import { fetchMetadata } from '../jwks/fetch-metadata.js'
import { JwksClientPool } from '../jwks/jwks-client-pool.js'
import type { ReplayProtection } from '../replay/replay-protection.js'
import type { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import type { JwtExchangeSettings } from './options.js'

/** What stays when the options change. */
export interface LastingParts {
  events: ExchangeEventEmitter
  replayProtection: ReplayProtection
  failureLimiter: FailureLimiter
  trustSwitches: Map<string, TrustSwitch>
  certificateWarnings: CertificateWarnings
}

/** What one configuration makes: a request is judged by one of them to its end. */
export type ExchangeParts = ReturnType<typeof createParts>

/**
 * Everything behind the face of an exchange, each part with the others that it needs.
 *
 * @param jwksClientsBefore in whose place others come: identity providers keep their keys
 */
export function createParts(settings: JwtExchangeSettings, lasting: LastingParts, jwksClientsBefore?: JwksClientPool) {
  const { issuer, clock } = settings
  const { audiences, lifetime, signingKeys, cacheSizeBytes } = settings.accessToken
  const { events, replayProtection, failureLimiter, trustSwitches, certificateWarnings } = lasting
  const jwksDeps = {
    clock,
    events,
    certificateWarnings,
    random: Math.random,
    timers: systemTimers,
    fetchJwks,
    fetchMetadata,
  }
  const hostFunctions = new HostFunctions(settings.hostFunctions, { timers: systemTimers, events })
  const jwksClients = new JwksClientPool(settings.jwksEndpoint, jwksDeps, jwksClientsBefore)
  const identityProviders = new IdentityProviderRegistry(
    createIdentityProviders(settings.identityProviders, {
      jwksClients,
      clock,
      hostFunctions,
      certificateWarnings,
      trustSwitches,
    }),
    trustSwitches,
  )
  jwksClients.complete()
  const findClient = createFindClient(
    settings.clients,
    settings.findClient && hostFunctions.bound({ function: 'findClient' }, settings.findClient),
  )
  const assertion = { identityProviders, issuer, clock, replayProtection, findClient, ...settings.assertionStrategy }
  const verifiedTokens = new VerifiedTokenCache(cacheSizeBytes)
  const accessToken = { issuer, audiences, signingKeys, verifiedTokens, identityProviders, clock }
  const jwtBearer = createJwtBearerGrant({ ...assertion, audiences })
  const grants = new Map([[jwtBearer.grantType, jwtBearer]])
  const tokenEndpoint = {
    issuer,
    lifetime,
    signAccessToken: createAccessTokenSigner(signingKeys),
    clock,
    events,
    grants,
    findClient,
    failureLimiter,
    parseForm: createTokenFormParser(identityProviders.maxAssertionBytes),
    requireHttps: settings.requireHttps,
  }
  const keySet: Middleware = createPublicDocument(signingKeys.publicKeySet)
  const metadata = createMetadataEndpoint({
    issuer,
    tokenEndpoint: settings.tokenEndpoint,
    jwksUri: new URL('jwks', settings.tokenEndpoint).href,
    grantTypes: [...grants.keys()],
    scopes: [...new Set(settings.clients.flatMap(({ scopes }) => scopes))],
    signingAlgorithms: [...new Set(signingKeys.publicKeySet.keys.map(({ alg }) => String(alg)))],
    openidConfiguration: settings.openidConfiguration,
  })
  const explain = { identityProviders, issuer, clock, findClient, audiences, lifetime }
  return {
    jwksClients,
    identityProviders,
    assertion,
    accessToken,
    tokenEndpoint,
    keySet,
    metadata,
    explain,
  }
}
