import { daysUntil, describeDays, describeDuration } from './durations.js'
import { describeFailure } from './fetch-failures.js'
import { firstExpiryOf, type IdentityProviderItem, type KeySet } from './identity-provider-item.js'
import { Badge } from './notice.js'
import { stateOf } from './states.js'

/** Days before the end of a certificate from which it is a matter of concern. */
const SOON = 30

/** The state of its keys at a glance. */
export function KeySetState({ item }: { item: IdentityProviderItem }) {
  const { keys } = item
  const { label, tone } = stateOf(keys)
  return (
    <div class="key-set-state">
      <Badge tone={tone}>{label}</Badge>
      <span class="detail">{describeKeySet(keys)}</span>
      {keys !== null && isFailing(keys) && keys.lastFailure !== undefined && (
        <span class="detail bad">{describeFailure(keys.lastFailure)}</span>
      )}
    </div>
  )
}

/** The days until the first of its certificates expires. */
export function CertificateExpiry({ keys }: { keys: KeySet | null }) {
  if (keys === null) return <span class="detail">Not loaded</span>
  const expiry = firstExpiryOf(keys)
  if (expiry === undefined) return <span class="detail">None</span>
  return <ExpiryDate expiry={expiry} />
}

/** @param expiry seconds since the epoch */
export function ExpiryDate({ expiry }: { expiry: number }) {
  const date = new Date(expiry * 1000)
  const days = daysUntil(expiry)
  const tone = days < 0 ? 'bad' : days < SOON ? 'warn' : 'good'
  const text = days < 0 ? 'Expired' : days === 0 ? 'Expires today' : `${describeDays(days)} left`
  return (
    <span class="expiry">
      {tone === 'good' ? text : <Badge tone={tone}>{text}</Badge>}
      <time class="detail" dateTime={date.toISOString()}>
        {date.toISOString().slice(0, 10)}
      </time>
    </span>
  )
}

/** Whether the last fetch failed. */
export function isFailing({ consecutiveFailures = 0 }: KeySet): boolean {
  return consecutiveFailures > 0
}

function describeKeySet(keySet: KeySet | null): string {
  if (keySet === null || keySet.state === 'never') return 'Nothing has needed them so far'
  const { keySetAge, servesFor, state } = keySet
  const count = describeCount(keySet)
  if (state === 'stale' || state === 'degraded')
    return `${count}, which serve for ${describeDuration(servesFor ?? 0)} more`
  return keySetAge === undefined ? count : `${count}, checked ${describeDuration(keySetAge)} ago`
}

/** `3 keys`, or what is configured instead. */
export function describeCount({ keys, certificates = [] }: KeySet): string {
  const [count, name] = keys.length === 0 ? [certificates.length, 'certificate'] : [keys.length, 'key']
  return count === 0 ? 'No usable key' : `${count} ${name}${count === 1 ? '' : 's'}`
}
