import { useState } from 'preact/hooks'
import { titleOf } from './entry.js'
import { Heading } from './heading.js'
import type { IdentityProviderList } from './identity-provider-item.js'
import { KeySetState } from './key-set-state.js'
import { FailureNotice } from './notice.js'
import { PageButtons, SearchField, usePages } from './paged-search.js'
import { hrefOf } from './route.js'
import { useRequest } from './use-request.js'

/** Lets people choose the identity provider that a view is of. */
export function ProviderPicker({ view }: { view: 'keys' | 'policy' }) {
  const [search, setSearch] = useState('')
  const pages = usePages(search)
  const query = new URLSearchParams({ limit: '25', ...pages.position, ...(search && { search }) })
  const { latest, failure } = useRequest<IdentityProviderList>(`identity-providers?${query}`)
  const items = latest?.body.identityProviders ?? []
  return (
    <>
      <Heading>{view === 'keys' ? 'Keys' : 'Policy'}</Heading>
      <p class="lead">
        {view === 'keys'
          ? 'The keys that verify assertions. Choose an identity provider.'
          : 'Who is accepted, and what they obtain. Choose an identity provider.'}
      </p>
      <div class="toolbar">
        <SearchField label="Search by name or id" onSearch={setSearch} />
      </div>
      <FailureNotice failure={failure} />
      {latest !== undefined && items.length === 0 && <p class="empty">There is no such identity provider.</p>}
      <ul class="picker">
        {items.map((item) => (
          <li key={item.id} class="card">
            <a href={hrefOf({ view, id: item.id })}>
              <span class="name">{titleOf(item)}</span>
              <span class="detail">{item.name}</span>
            </a>
            {view === 'keys' && <KeySetState item={item} />}
          </li>
        ))}
      </ul>
      {latest !== undefined && <PageButtons pages={pages} next={latest.body.next} />}
    </>
  )
}
