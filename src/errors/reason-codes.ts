/** Why a token was rejected. Stable: operators write alerts on these codes. The client never sees them. */
export const REJECTION_REASONS = [
  'malformed_jwt',
  'too_large',
  'unsupported_header',
  'unknown_issuer',
  'unknown_registration',
  'identity_provider_disabled',
  'algorithm_not_allowed',
  'type_not_allowed',
  'unknown_key',
  'keys_not_fetched',
  'certificate_expired',
  'bad_signature',
  'invalid_subject',
  'invalid_audience',
  'wrong_audience',
  'several_audiences',
  'invalid_expiry',
  'expired',
  'invalid_not_before',
  'not_yet_valid',
  'invalid_issued_at',
  'issued_in_future',
  'too_old',
  'lifetime_too_long',
  'invalid_jwt_id',
  'wrong_token_kind',
  'unconfirmed_key',
  'unsupported_delegation',
  'subject_not_allowed',
  'claim_not_allowed',
  'refused_by_check',
  'no_binding_matches',
  'mapped_claims_too_large',
  'replayed',
  'client_not_allowed',
  'client_required',
  'subject_is_client_id',
  'wrong_issuer',
  'invalid_claim',
  'revoked',
] as const
/** Why a token was rejected: docs/errors.md has the cause and the fix of each. */
export type RejectionReason = (typeof REJECTION_REASONS)[number]

/** Which dependency did not answer. Always 503, never the client's fault. */
export const UNAVAILABLE_REASONS = [
  'jwks_unavailable',
  'replay_store_unavailable',
  'replay_store_full',
  'revocation_store_unavailable',
  'revocation_store_full',
  'client_lookup_failed',
  'identity_provider_lookup_failed',
  'identity_provider_lookup_limit_reached',
  'invalid_registration',
  'policy_check_failed',
  'subject_mapping_failed',
  'claim_mapping_failed',
  'grant_failed',
  'host_function_timed_out',
  'host_function_limit_reached',
  'internal_error',
] as const
/** Why a request was answered with 503. */
export type UnavailableReason = (typeof UNAVAILABLE_REASONS)[number]

/** Why a request was refused for another reason than its token. The first six are OAuth codes as well. */
export const REQUEST_REASONS = [
  'invalid_request',
  'unsupported_grant_type',
  'unauthorized_client',
  'invalid_scope',
  'invalid_target',
  'insufficient_scope',
  'body_not_available',
  'no_client_authentication',
  'malformed_credentials',
  'client_id_mismatch',
  'ambiguous_credentials',
  'unknown_client',
  'wrong_client_secret',
  'unsupported_client_assertion_type',
  'wrong_client_assertion',
  'wrong_client_auth_method',
  'no_client_certificate',
  'untrusted_client_certificate',
  'wrong_client_certificate',
  'expired_client_certificate',
  'malformed_client_certificate',
  'certificate_header_not_allowed',
  'too_many_client_failures',
  'too_many_rejected_assertions',
  'no_token',
  'malformed_authorization',
  'token_sent_twice',
] as const
/** Why a request was refused before its token was read, or for another reason than its token. */
export type RequestReason = (typeof REQUEST_REASONS)[number]

/** Every `reason` of an event or of an error. */
export type ReasonCode = RejectionReason | UnavailableReason | RequestReason
