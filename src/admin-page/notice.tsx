import type { ComponentChildren } from 'preact'
import type { ApiFailure } from './admin-api.js'
import { describeFailure } from './fetch-failures.js'
import { Icon, type IconName } from './icon.js'
import type { Tone } from './states.js'

const ICONS: Readonly<Record<Tone, IconName>> = { good: 'check', warn: 'warning', bad: 'cross', quiet: 'minus' }

/** A short state, such as that of a key set. */
export function Badge({ tone, icon, children }: { tone: Tone; icon?: IconName; children: ComponentChildren }) {
  return (
    <span class={`badge ${tone}`}>
      <Icon name={icon ?? ICONS[tone]} />
      {children}
    </span>
  )
}

/** A message in a box. Screen readers read a bad one at once, and others when they are idle. */
export function Notice({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={ICONS[tone]} />
      <div>{children}</div>
    </div>
  )
}

export function FailureNotice({ failure }: { failure: ApiFailure | undefined }) {
  if (failure === undefined) return null
  return (
    <Notice tone="bad">
      <p>{failure.message}</p>
      {failure.problems.map(({ path, message }) => (
        <p key={path.join('.')}>
          {path.join('.')}: {message}
        </p>
      ))}
      {failure.attempts.map((attempt) => (
        <p key={attempt.url}>
          <code>{attempt.url}</code>: {describeFailure(attempt)}
        </p>
      ))}
    </Notice>
  )
}
