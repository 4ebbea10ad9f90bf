import { hasFixedKeys, type KeySet } from './identity-provider-item.js'

/** How good or bad something is. The text and the icon say it too. */
export type Tone = 'good' | 'warn' | 'bad' | 'quiet'

/** A state in a few words. */
export interface State {
  label: string
  tone: Tone
}

const OF_KEYS: Readonly<Record<KeySet['state'], State>> = {
  ok: { label: 'Fresh', tone: 'good' },
  idle: { label: 'Idle', tone: 'quiet' },
  stale: { label: 'Stale', tone: 'warn' },
  degraded: { label: 'Stale for long', tone: 'bad' },
  down: { label: 'Down', tone: 'bad' },
  never: { label: 'Not fetched', tone: 'quiet' },
}
const NOT_LOADED: State = { label: 'Not loaded', tone: 'quiet' }
const FIXED: State = { label: 'Configured', tone: 'good' }

/** @param keys null: this process has not needed them */
export function stateOf(keys: KeySet | null): State {
  if (keys === null) return NOT_LOADED
  return hasFixedKeys(keys) ? FIXED : OF_KEYS[keys.state]
}
