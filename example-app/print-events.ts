import type { ExchangeEventName, ExchangeEventSource } from 'express-jwt-exchange'

/** What was decided, and by which configuration. */
const DECISIONS: readonly ExchangeEventName[] = [
  'token.issued',
  'token.rejected',
  'access.granted',
  'access.denied',
  'identity_provider.saved',
  'identity_provider.deleted',
  'identity_provider.disabled',
  'identity_provider.enabled',
  'identity_provider.changed',
  'identity_provider.removed',
  'identity_provider.invalid',
  'identity_provider_lookup.failed',
  'identity_provider_lookup.recovered',
  'config.changed',
  'config.refused',
]
const IS_WORD = /^[^\s"=]+$/

/** Prints each decision in one line: time, event, and what the event carries. No event carries a token or a secret. */
export function printDecisions(events: ExchangeEventSource, print: (line: string) => void): void {
  for (const name of DECISIONS) {
    events.on(name, (event: object) => {
      const fields = Object.entries(event).map(([field, value]) => `${field}=${written(value)}`)
      print([new Date().toISOString(), name, ...fields].join(' '))
    })
  }
}

function written(value: unknown): string {
  const text = Array.isArray(value) ? value.join(',') : String(value)
  return IS_WORD.test(text) ? text : JSON.stringify(text)
}
