import { titleOf } from './entry.js'
import { Heading } from './heading.js'
import type { IdentityProviderItem } from './identity-provider-item.js'
import { Badge } from './notice.js'
import { hrefOf, type Route } from './route.js'
import { TrustSwitch } from './trust-switch.js'

const TABS = [
  { view: 'identity-provider', label: 'Settings' },
  { view: 'policy', label: 'Policy' },
  { view: 'keys', label: 'Keys' },
  { view: 'activity', label: 'Activity' },
] as const

interface ProviderHeaderProps {
  item: IdentityProviderItem
  view: Route['view']
  onChanged(message: string): void
}

/** What identifies an identity provider, whether it is trusted, and its views. */
export function ProviderHeader({ item, view, onChanged }: ProviderHeaderProps) {
  const { id, name, enabled } = item
  return (
    <>
      <p class="breadcrumb">
        <a href={hrefOf({ view: 'identity-providers' })}>Identity providers</a>
      </p>
      <div class="title-row">
        <Heading>{titleOf(item)}</Heading>
        <div class="trust">
          <Badge tone={enabled ? 'good' : 'bad'} icon={enabled ? 'check' : 'minus'}>
            {enabled ? 'Trusted' : 'Switched off'}
          </Badge>
          <TrustSwitch item={item} onChanged={onChanged} />
        </div>
      </div>
      <p class="lead">
        <code>{name}</code>
        {id !== name && (
          <>
            {' '}
            with the id <code>{id}</code>
          </>
        )}
      </p>
      <nav class="tabs" aria-label={`Views of ${titleOf(item)}`}>
        {TABS.map((tab) => (
          <a key={tab.view} href={hrefOf({ view: tab.view, id })} aria-current={tab.view === view ? 'page' : undefined}>
            {tab.label}
          </a>
        ))}
      </nav>
    </>
  )
}
