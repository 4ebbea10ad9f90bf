import type { ExchangeEvent } from './event-follower.js'
import { detailsOf, facetsOf, summaryOf, textOfEvent } from './event-texts.js'
import { Badge } from './notice.js'

/** Events, the newest first. */
export function EventTable({ events }: { events: readonly ExchangeEvent[] }) {
  if (events.length === 0) return <p class="empty">Nothing to show so far. Events appear here as they happen.</p>
  return (
    <div class="card">
      <table class="cards-if-narrow events">
        <caption class="visually-hidden">Events, the newest first</caption>
        <thead>
          <tr>
            <th scope="col" class="fit">
              Time
            </th>
            <th scope="col" class="fit">
              What happened
            </th>
            <th scope="col">Identity provider</th>
            <th scope="col" class="fit">
              Client
            </th>
            <th scope="col" class="fit">
              Reason
            </th>
            <th scope="col">Details</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <EventRow key={event.n} event={event} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function EventRow({ event }: { event: ExchangeEvent }) {
  const { label, tone } = textOfEvent(event)
  const { provider, client, reason } = facetsOf(event)
  const time = new Date(event.at * 1000)
  return (
    <tr>
      <td data-label="Time" class="fit">
        <time dateTime={time.toISOString()}>{time.toLocaleTimeString('en-GB')}</time>
      </td>
      <td data-label="What happened" class="fit">
        <Badge tone={tone}>{label}</Badge>
      </td>
      <Facet label="Identity provider" text={provider} />
      <Facet label="Client" text={client} isFit />
      <Facet label="Reason" text={reason} isFit isCode />
      <td data-label="Details">
        <details>
          <summary>{summaryOf(event) || 'Fields'}</summary>
          <dl class="fields">
            <div>
              <dt>event</dt>
              <dd>{event.name}</dd>
            </div>
            {detailsOf(event).map(([name, text]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </details>
      </td>
    </tr>
  )
}

interface FacetProps {
  label: string
  text: string
  isFit?: boolean
  isCode?: boolean
}

/** One of what people filter by; a dash where the event has none. */
function Facet({ label, text, isFit = false, isCode = false }: FacetProps) {
  const fit = isFit ? 'fit' : ''
  if (text !== '') {
    return (
      <td data-label={label} class={fit}>
        {isCode ? <code>{text}</code> : text}
      </td>
    )
  }
  return (
    <td data-label={label} class={`${fit} absent`}>
      <span class="detail" aria-hidden="true">
        –
      </span>
    </td>
  )
}
