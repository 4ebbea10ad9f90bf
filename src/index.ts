export type { AccessToken } from './access-token/access-token.js'
export type { AccessTokenOptions } from './access-token/access-token-options.js'
export type { ResourceOptions } from './access-token/resource-options.js'
export type { RefusalOptions } from './authorization/refusal-advice.js'
export type { AssertedByOptions } from './client-auth/asserted-client.js'
export type { ClientCertificateHeaderOptions } from './client-auth/client-certificate-header.js'
export type { ClientCertificateOptions } from './client-auth/client-certificate-options.js'
export type { ClientOptions, FindClient } from './client-auth/client-options.js'
export { hashClientSecret } from './client-auth/client-secret.js'
export type { ClientAuthenticationOptions } from './client-auth/failure-limiter.js'
export type { Clock as ExchangeClock } from './clock/clock.js'
export {
  REJECTION_REASONS,
  REQUEST_REASONS,
  type ReasonCode,
  type RejectionReason,
  type RequestReason,
  UNAVAILABLE_REASONS,
  type UnavailableReason,
} from './errors/reason-codes.js'
export { DependencyUnavailable, TokenRejected } from './errors/rejections.js'
export type { KeySetOwner } from './events/event-subjects.js'
export type {
  ExchangeEventListener,
  ExchangeEventName,
  ExchangeEventSource,
  ExchangeEvents,
} from './events/exchange-events.js'
export type { AccessDenied, DecisionRefused, RequestRefused, TokenRequestRefused } from './events/refusals.js'
export type { AuthorizationServerOptions } from './exchange/authorization-server-options.js'
export type { ConfigurationStats } from './exchange/configuration.js'
export { createJwtExchange, type JwtExchange } from './exchange/jwt-exchange.js'
export type { JwtExchangeOptions } from './exchange/options.js'
export type { RevokedTokens, RevokeOptions } from './exchange/revocation-control.js'
export type { IdentityProviderStats, JwtExchangeStats } from './exchange/stats.js'
export type { VerifyAccessTokenOptions } from './exchange/verify-for-resource.js'
export type { AccessTokenExplanation } from './explain/explain-access-token.js'
export type { ExplainOptions } from './explain/explain-assertion.js'
export type { ExplainedAccessToken, ExplainedStep, Explanation } from './explain/explanation.js'
export type { Middleware as ExchangeMiddleware } from './express/http.js'
export type { ProtectOptions } from './express/protect.js'
export type { AuthenticatedClient, Grant, GrantedAccess, GrantTools } from './grants/grant.js'
export type { JwksConnectionOptions } from './guarded-fetch/connection-options.js'
export type { EndpointConnectionOptions, JwksAgent } from './guarded-fetch/endpoint-connection.js'
export type { Network as JwksNetwork } from './guarded-fetch/network-guard.js'
export type { JwksRequestHeaders } from './guarded-fetch/request-headers.js'
export type { HostFunctionOptions } from './host-functions/host-functions.js'
export type { AcceptedAccessTokenOptions } from './identity-provider/accepted-access-tokens.js'
export type { AssertionOptions } from './identity-provider/assertion-limits.js'
export type { IdentityProviderOptions } from './identity-provider/identity-provider-options.js'
export type { RegistrationOptions } from './identity-provider/registration.js'
export type { ReadyOptions } from './identity-provider/warm-up.js'
export type {
  FindIdentityProvider,
  IdentityProviderLookupOptions,
  IdentityProvidersAtRunTime,
} from './identity-provider-lookup/lookup-options.js'
export type { LookupStats as IdentityProviderLookupStats } from './identity-provider-lookup/source-health.js'
export type {
  IdentityProviderRegistration,
  IdentityProviderStore,
  ListOptions as ListRegistrationsOptions,
  RegistrationChange,
  StoredRegistration,
  WriteOptions as WriteRegistrationOptions,
} from './identity-provider-store/identity-provider-store.js'
export { RevisionConflict } from './identity-provider-store/identity-provider-store.js'
export type { IntrospectionStats } from './introspection/introspection-client.js'
export type { IntrospectionOptions } from './introspection/introspection-options.js'
export type { JwksEndpointOptions } from './jwks/jwks-endpoint-options.js'
export type { AsymmetricAlgorithm } from './jwt/algorithms.js'
export { OAuthError, type OAuthErrorCode, type OAuthErrorDetails } from './oauth/errors.js'
export type { FormParameters, TokenRequest } from './oauth/token-request.js'
export { ConfigError, type ConfigProblem, type ConfigProblemCode } from './option-checks/config-error.js'
export { AccessTokenStrategy, type AccessTokenStrategyOptions } from './passport/access-token-strategy.js'
export type { LoadUser, UserLoaded } from './passport/load-user.js'
export type { PassportStrategy } from './passport/promise-strategy.js'
export type { BindingOptions } from './policy/binding.js'
export type { ClaimConditionOption } from './policy/claim-condition.js'
export type { ClaimSource, MapClaim } from './policy/claim-mapping.js'
export type { ClaimOperators } from './policy/claim-operators.js'
export type { CheckContext, Claims as JwtClaims } from './policy/claim-path.js'
export type { ClaimScalar } from './policy/claim-value.js'
export type { CheckAssertion } from './policy/policy.js'
export type { PolicyOptions } from './policy/policy-options.js'
export type { AssertionSubject, SubjectFunction, SubjectOption } from './policy/subject-mapping.js'
export type { AssertedCaller, AssertionStrategyOptions } from './protected-route/authenticate-assertion.js'
export { findAuth, getAuth } from './protected-route/get-auth.js'
export type { RequiredAccessOptions, RequiredScope } from './protected-route/required-access.js'
export { MemoryReplayStore, type MemoryReplayStoreOptions } from './replay/memory-replay-store.js'
export type { ReplayOptions } from './replay/replay-options.js'
export type { ReplayStore } from './replay/replay-store.js'
export {
  createResourceServer,
  type IssuerStats,
  type ResourceServer,
  type ResourceServerStats,
} from './resource-server/create-resource-server.js'
export type { IssuerOptions } from './resource-server/issuer-options.js'
export type { ResourceServerOptions } from './resource-server/resource-server-options.js'
export { MemoryRevocationStore, type MemoryRevocationStoreOptions } from './revocation/memory-revocation-store.js'
export type { RevocationOptions } from './revocation/revocation-options.js'
export type { Revocation, RevocationKind, RevocationPage, RevocationStore } from './revocation/revocation-store.js'
export type { RevocationStats } from './revocation/revocations.js'
export { generateSigningKey, type SigningAlgorithm } from './signing-keys/signing-keys.js'
export type { FetchStats, KeySourceStats, KeyStats } from './verification-keys/key-source.js'
