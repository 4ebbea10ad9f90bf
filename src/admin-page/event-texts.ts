import { textOf } from './entry.js'
import type { Tone } from './notice.js'
import type { ExchangeEvent } from './use-events.js'

interface EventText {
  label: string
  tone: Tone
}

const TEXTS: Readonly<Record<string, EventText>> = {
  'token.issued': { label: 'Token issued', tone: 'good' },
  'token.rejected': { label: 'Token refused', tone: 'bad' },
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
  'identity_provider.refused': { label: 'Entry refused', tone: 'bad' },
  'identity_provider_store.failed': { label: 'Store fails', tone: 'bad' },
  'identity_provider_store.recovered': { label: 'Store answers again', tone: 'good' },
  'config.changed': { label: 'Options changed', tone: 'quiet' },
  'config.refused': { label: 'Options refused', tone: 'bad' },
}

/** What an event means in a few words. One that is not known here keeps its name. */
export function textOfEvent({ name }: ExchangeEvent): EventText {
  return TEXTS[name] ?? { label: name, tone: 'quiet' }
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
