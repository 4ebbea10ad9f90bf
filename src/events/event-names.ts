import type { ExchangeEventName } from './exchange-events.js'

/** An object, so that the compiler reports an event that is missing here. */
const NAMES: Readonly<Record<ExchangeEventName, true>> = {
  'token.issued': true,
  'token.rejected': true,
  'token.revoked': true,
  'access.granted': true,
  'access.denied': true,
  'jwks.refreshed': true,
  'jwks.failed': true,
  'jwks.stale': true,
  'jwks.recovered': true,
  'jwks.key_rejected': true,
  'jwks.insecure_http': true,
  'jwks.key_set_cut': true,
  'certificate.expiring': true,
  'identity_provider.saved': true,
  'identity_provider.deleted': true,
  'identity_provider.disabled': true,
  'identity_provider.enabled': true,
  'identity_provider.changed': true,
  'identity_provider.removed': true,
  'identity_provider.invalid': true,
  'identity_provider_lookup.failed': true,
  'identity_provider_lookup.recovered': true,
  'config.changed': true,
  'config.refused': true,
  'proxy.not_trusted': true,
  'signing_key.generated': true,
  'token_endpoint.mismatch': true,
  'replay_store.at_risk': true,
  'replay_store.filling': true,
  'revocation_store.failed': true,
  'revocation_store.recovered': true,
  'revocation_store.at_risk': true,
  'introspection.failed': true,
  'introspection.recovered': true,
  'host_function.timed_out': true,
  'host_function.limit_reached': true,
}

/** Every event, for listeners that want all of them. */
export const EXCHANGE_EVENT_NAMES = Object.keys(NAMES) as readonly ExchangeEventName[]
