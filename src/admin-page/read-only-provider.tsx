import type { IdentityProviderItem } from './identity-provider-item.js'
import { KeySetState } from './key-set-state.js'
import { Notice } from './notice.js'

/** What is known of an identity provider that cannot be changed here, and where to change it. */
export function ReadOnlyProvider({ item }: { item: IdentityProviderItem }) {
  const { id, name, alias } = item
  return (
    <>
      <Notice tone="quiet">{item.source === 'lookup' ? <FromLookup /> : <FromOptions />}</Notice>
      <section class="card" aria-labelledby="what-it-is">
        <h2 id="what-it-is">What it is</h2>
        <dl class="facts">
          <Fact term="Identity Provider Name" text={name} />
          <Fact term="Alias" text={alias ?? ''} />
          <Fact term="Id" text={id} />
        </dl>
        <KeySetState item={item} />
      </section>
    </>
  )
}

/** There is no store. */
export function ReadOnlyNotice() {
  return (
    <Notice tone="quiet">
      <h2>Identity providers cannot be changed here</h2>
      <p>
        They are defined in code, or in a file such as <code>deployment.toml</code>. To register more of them here, give
        the exchange and the admin API a store: see docs/admin.md.
      </p>
    </Notice>
  )
}

function FromOptions() {
  return (
    <>
      <h2>This identity provider is defined in code or in a file</h2>
      <p>
        Change it there: in <code>identityProviders</code> of <code>createJwtExchange</code>, or in{' '}
        <code>[[identity_provider]]</code> of a file such as <code>deployment.toml</code>.
      </p>
      <p>Here you can switch it off and on. That holds in this process, until it ends.</p>
    </>
  )
}

function FromLookup() {
  return (
    <>
      <h2>This identity provider is looked up in code</h2>
      <p>
        The function <code>findIdentityProvider</code> of this server has found it. Change it where that function looks.
      </p>
    </>
  )
}

function Fact({ term, text }: { term: string; text: string }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>
        <code>{text}</code>
      </dd>
    </div>
  )
}
