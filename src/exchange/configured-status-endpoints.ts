import type { AccessTokenVerifier } from '../access-token/access-token.js'
import type { ConfiguredEndpoints } from '../express/endpoints.js'
import type { TokenEndpointDeps } from '../express/token-endpoint.js'
import { createStatusFormParser } from '../express/token-status-endpoints.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import type { LastingParts } from './lasting-parts.js'
import type { CompleteSettings } from './options.js'

interface StatusParties {
  tokenEndpoint: TokenEndpointDeps
  identityProviders: IdentityProviderRegistry
  /** Verifies access tokens of this service, and no others. */
  verifyOwnToken: AccessTokenVerifier
}

/** The endpoints for access tokens that were issued: their clients authenticate as at the token endpoint. */
export function createStatusEndpoints(
  { issuer, clock, introspection, accessToken, requireHttps }: CompleteSettings,
  { tokenEndpoint, identityProviders, verifyOwnToken }: StatusParties,
  { events, revocations }: LastingParts,
): Pick<ConfiguredEndpoints, 'introspection' | 'revocation'> {
  const { clientAuthMethods, findClient, failureLimiter } = tokenEndpoint
  const parseForm = createStatusFormParser(identityProviders.maxAssertionBytes)
  const ofClient = { clientAuthMethods, findClient, failureLimiter, parseForm, requireHttps }
  const { signingKeys } = accessToken
  return {
    introspection: introspection ? { ...ofClient, verifyOwnToken } : undefined,
    revocation: revocations && { ...ofClient, issuer, clock, signingKeys, revocations, events },
  }
}
