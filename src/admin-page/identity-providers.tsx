import { useId, useState } from 'preact/hooks'
import { titleOf } from './entry.js'
import { Heading } from './heading.js'
import { Icon } from './icon.js'
import { type IdentityProviderItem, type IdentityProviderList, SOURCES } from './identity-provider-item.js'
import { CertificateExpiry, KeySetState } from './key-set-state.js'
import { Badge, FailureNotice, Notice } from './notice.js'
import { PageButtons, SearchField, usePages } from './paged-search.js'
import { ReadOnlyNotice } from './read-only-provider.js'
import { hrefOf } from './route.js'
import { TrustSwitch } from './trust-switch.js'
import { useRequest } from './use-request.js'

/** Milliseconds. */
const REFRESH_INTERVAL = 4000

type TrustFilter = '' | 'true' | 'false'

/** All identity providers, page by page. */
export function IdentityProviders() {
  const [search, setSearch] = useState('')
  const [enabled, setEnabled] = useState<TrustFilter>('')
  const [message, setMessage] = useState<string>()
  const pages = usePages(`${search} ${enabled}`)
  const query = new URLSearchParams({
    limit: '25',
    ...pages.position,
    ...(search && { search }),
    ...(enabled && { enabled }),
  })
  const { latest, failure, reload } = useRequest<IdentityProviderList>(`identity-providers?${query}`, REFRESH_INTERVAL)
  const list = latest?.body
  return (
    <>
      <Title canAdd={list?.isReadOnly === false} />
      {list?.isReadOnly === true && <ReadOnlyNotice />}
      <div class="toolbar">
        <SearchField label="Search by name or id" onSearch={setSearch} />
        <TrustFilterField value={enabled} onChange={setEnabled} />
      </div>
      {message !== undefined && <Notice tone="good">{message}</Notice>}
      <FailureNotice failure={failure} />
      {list !== undefined && (
        <ItemTable
          items={list.identityProviders}
          isFiltered={search !== '' || enabled !== ''}
          onChanged={(text) => {
            setMessage(text)
            reload()
          }}
        />
      )}
      {list !== undefined && <PageButtons pages={pages} next={list.next} />}
    </>
  )
}

function Title({ canAdd }: { canAdd: boolean }) {
  return (
    <>
      <div class="title-row">
        <Heading>Identity providers</Heading>
        {canAdd && (
          <a class="button primary" href={hrefOf({ view: 'new' })}>
            <Icon name="plus" />
            Add identity provider
          </a>
        )}
      </div>
      <p class="lead">These issuers are trusted: their assertions can be exchanged for access tokens.</p>
    </>
  )
}

function TrustFilterField({ value, onChange }: { value: TrustFilter; onChange(value: TrustFilter): void }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>Show</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value as TrustFilter)}>
        <option value="">All</option>
        <option value="true">Switched on</option>
        <option value="false">Switched off</option>
      </select>
    </div>
  )
}

interface ItemTableProps {
  items: readonly IdentityProviderItem[]
  isFiltered: boolean
  onChanged(message: string): void
}

function ItemTable({ items, isFiltered, onChanged }: ItemTableProps) {
  if (items.length === 0) {
    return (
      <p class="empty">
        {isFiltered
          ? 'No identity provider fits this search.'
          : 'There is no identity provider yet. Add the first one.'}
      </p>
    )
  }
  return (
    <div class="card">
      <table class="cards-if-narrow">
        <caption class="visually-hidden">Identity providers and the state of their keys</caption>
        <thead>
          <tr>
            <th scope="col">Identity provider</th>
            <th scope="col">Keys</th>
            <th scope="col">Certificate</th>
            <th scope="col" class="fit">
              Defined in
            </th>
            <th scope="col" class="fit">
              Trust
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <ItemRow key={item.id} item={item} onChanged={onChanged} />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ItemRow({ item, onChanged }: { item: IdentityProviderItem; onChanged(message: string): void }) {
  const { id, name, source, enabled, keys } = item
  return (
    <tr>
      <th scope="row">
        <a href={hrefOf({ view: 'identity-provider', id })}>{titleOf(item)}</a>
        {titleOf(item) !== name && <span class="detail">{name}</span>}
      </th>
      <td data-label="Keys">
        <KeySetState item={item} />
      </td>
      <td data-label="Certificate">
        <CertificateExpiry keys={keys} />
      </td>
      <td data-label="Defined in" class="fit">
        {SOURCES[source]}
      </td>
      <td data-label="Trust" class="fit">
        <div class="trust">
          <Badge tone={enabled ? 'good' : 'bad'} icon={enabled ? 'check' : 'minus'}>
            {enabled ? 'On' : 'Off'}
          </Badge>
          <TrustSwitch item={item} onChanged={onChanged} />
        </div>
      </td>
    </tr>
  )
}
