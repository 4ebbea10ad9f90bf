import { textOf } from './entry.js'
import type { ExchangeEvent } from './event-follower.js'
import type { State } from './states.js'

const TEXTS: Readonly<Record<string, State>> = {
  'token.issued': { label: 'Token issued', tone: 'good' },
  'token.rejected': { label: 'Token refused', tone: 'bad' },
  'token.revoked': { label: 'Token revoked', tone: 'warn' },
  'access.granted': { label: 'Access granted', tone: 'good' },
  'access.denied': { label: 'Access denied', tone: 'bad' },
  'jwks.refreshed': { label: 'Keys fetched', tone: 'good' },
  'jwks.failed': { label: 'Key fetch failed', tone: 'bad' },
  'jwks.stale': { label: 'Keys are stale', tone: 'warn' },
  'jwks.recovered': { label: 'Endpoint answers again', tone: 'good' },
  'jwks.key_rejected': { label: 'Key skipped', tone: 'warn' },
  'jwks.insecure_http': { label: 'Keys without TLS', tone: 'warn' },
  'jwks.key_set_cut': { label: 'Key set cut', tone: 'warn' },
  'certificate.expiring': { label: 'Certificate expires', tone: 'warn' },
  'identity_provider.disabled': { label: 'Switched off', tone: 'warn' },
  'identity_provider.enabled': { label: 'Switched on', tone: 'good' },
  'identity_provider.saved': { label: 'Saved', tone: 'quiet' },
  'identity_provider.deleted': { label: 'Removed', tone: 'warn' },
  'identity_provider.changed': { label: 'Changed', tone: 'quiet' },
  'identity_provider.removed': { label: 'Removed', tone: 'warn' },
  'identity_provider.invalid': { label: 'Entry refused', tone: 'bad' },
  'identity_provider_lookup.failed': { label: 'Lookup failed', tone: 'bad' },
  'identity_provider_lookup.recovered': { label: 'Lookup works again', tone: 'good' },
  'config.changed': { label: 'Options changed', tone: 'quiet' },
  'config.refused': { label: 'Options refused', tone: 'bad' },
  'proxy.not_trusted': { label: 'Proxy not trusted', tone: 'warn' },
  'signing_key.generated': { label: 'Signing key generated', tone: 'warn' },
  'token_endpoint.mismatch': { label: 'Wrong token endpoint', tone: 'warn' },
  'replay_store.at_risk': { label: 'Replay store at risk', tone: 'warn' },
  'replay_store.filling': { label: 'Replay store filling', tone: 'warn' },
  'revocation_store.failed': { label: 'Revocation store failed', tone: 'bad' },
  'revocation_store.recovered': { label: 'Revocation store works again', tone: 'good' },
  'revocation_store.at_risk': { label: 'Revocation store at risk', tone: 'warn' },
  'introspection.failed': { label: 'Introspection failed', tone: 'bad' },
  'introspection.recovered': { label: 'Introspection works again', tone: 'good' },
  'host_function.timed_out': { label: 'Function timed out', tone: 'bad' },
  'host_function.limit_reached': { label: 'Function overloaded', tone: 'bad' },
}

/** What somebody did through the admin API. */
const ACTIONS: Readonly<Record<string, State>> = {
  created: { label: 'Added', tone: 'quiet' },
  imported: { label: 'Imported', tone: 'quiet' },
  disabled: { label: 'Switched off', tone: 'warn' },
  enabled: { label: 'Switched on', tone: 'good' },
}

/** What an event means in a few words. One that is not known here keeps its name. */
export function textOfEvent({ name, data }: ExchangeEvent): State {
  const action = name === 'identity_provider.saved' ? ACTIONS[textOf(data.action)] : undefined
  return action ?? TEXTS[name] ?? { label: name, tone: 'quiet' }
}

/** What people filter events by; empty if the event has none. */
export function facetsOf({ data }: ExchangeEvent): { provider: string; client: string; reason: string } {
  return { provider: textOf(data.identityProvider), client: textOf(data.clientId), reason: textOf(data.reason) }
}

/** The rest of what an event carries, in one line each. */
export function detailsOf({ data }: ExchangeEvent): [string, string][] {
  return Object.entries(data).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)])
}

/** What matters first, in one line. */
export function summaryOf({ data }: ExchangeEvent): string {
  const { subject, scopes, claim, message, by, detail, code, status, error } = data
  const parts = [
    textOf(subject) && `subject ${textOf(subject)}`,
    Array.isArray(scopes) && scopes.length > 0 && `scopes ${scopes.join(' ')}`,
    textOf(claim) && `claim ${textOf(claim)}`,
    textOf(message),
    typeof status === 'number' && `answered ${status} ${textOf(error)}`.trim(),
    [textOf(code), textOf(detail)].filter((text) => text !== '').join(': '),
    textOf(by) && `by ${textOf(by)}`,
  ]
  return parts.filter((part) => typeof part === 'string' && part !== '').join(', ')
}
