import { useState } from 'preact/hooks'
import type { ExchangeEvent } from './event-follower.js'
import { EventTable } from './event-table.js'
import { facetsOf } from './event-texts.js'
import { Field } from './field.js'
import { Heading } from './heading.js'
import { Badge, Notice } from './notice.js'
import { type LiveEvents, useEvents } from './use-events.js'

interface Filter {
  provider: string
  client: string
  reason: string
}

const FACETS = [
  { facet: 'provider', label: 'Identity provider' },
  { facet: 'client', label: 'Client' },
  { facet: 'reason', label: 'Reason' },
] as const
/** Rows that are shown at once. */
const MAX_ROWS = 200

/** What happens in the exchange, live. */
export function ActivityView({ id = '' }: { id?: string | undefined }) {
  const live = useEvents()
  const [paused, setPaused] = useState<readonly ExchangeEvent[]>()
  const [filter, setFilter] = useState<Filter>({ provider: id, client: '', reason: '' })
  const events = paused ?? live.events
  const found = events.filter((event) => isFound(event, filter))
  return (
    <>
      <div class="title-row">
        <Heading>Activity</Heading>
        <div class="trust">
          <ConnectionState live={live} isPaused={paused !== undefined} />
          <button type="button" onClick={() => setPaused(paused === undefined ? live.events : undefined)}>
            {paused === undefined ? 'Pause' : `Continue${describeNew(live.events, paused)}`}
          </button>
        </div>
      </div>
      <p class="lead">The decisions of this process, and what happens to keys and settings. The newest comes first.</p>
      <div class="toolbar">
        {FACETS.map(({ facet, label }) => (
          <FacetField
            key={facet}
            label={label}
            value={filter[facet]}
            values={live.events.map((event) => facetsOf(event)[facet])}
            onChange={(value) => setFilter({ ...filter, [facet]: value })}
          />
        ))}
      </div>
      {live.problem !== undefined && <Notice tone="bad">{live.problem}</Notice>}
      <p class="detail" role="status">
        {found.length === events.length ? `${events.length} events` : `${found.length} of ${events.length} events`}
        {found.length > MAX_ROWS && `, of which the newest ${MAX_ROWS} are shown`}
      </p>
      <EventTable events={found.slice(0, MAX_ROWS)} />
    </>
  )
}

function isFound(event: ExchangeEvent, filter: Filter): boolean {
  const facets = facetsOf(event)
  return FACETS.every(({ facet }) => filter[facet] === '' || facets[facet] === filter[facet])
}

function describeNew(events: readonly ExchangeEvent[], paused: readonly ExchangeEvent[]): string {
  const last = paused[0]?.n ?? 0
  const count = events.filter(({ n }) => n > last).length
  return count === 0 ? '' : ` (${count} new)`
}

function ConnectionState({ live, isPaused }: { live: LiveEvents; isPaused: boolean }) {
  if (isPaused) return <Badge tone="warn">Paused</Badge>
  if (live.connection === 'live') return <Badge tone="good">Live</Badge>
  if (live.connection === 'lost') return <Badge tone="bad">Connection lost</Badge>
  return <Badge tone="quiet">Connecting</Badge>
}

interface FacetFieldProps {
  label: string
  value: string
  /** Of all events. */
  values: readonly string[]
  onChange(value: string): void
}

function FacetField({ label, value, values, onChange }: FacetFieldProps) {
  const choices = [...new Set([...values, value])].filter((each) => each !== '').sort()
  return (
    <Field label={label}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          <option value="">All</option>
          {choices.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}
