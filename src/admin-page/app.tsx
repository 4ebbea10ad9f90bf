import { useEffect, useRef } from 'preact/hooks'
import { ActivityView } from './activity-view.js'
import { ExplainView } from './explain-view.js'
import { Heading } from './heading.js'
import { ProviderView } from './identity-provider-view.js'
import { IdentityProviders } from './identity-providers.js'
import { KeysView } from './keys-view.js'
import { NewIdentityProvider } from './new-identity-provider.js'
import { ProviderPicker } from './provider-picker.js'
import { hrefOf, type Route, useRoute } from './route.js'

const NAVIGATION = [
  { view: 'identity-providers', label: 'Identity providers' },
  { view: 'keys', label: 'Keys' },
  { view: 'policy', label: 'Policy' },
  { view: 'explain', label: 'Explain' },
  { view: 'activity', label: 'Activity' },
] as const

const TITLES: Readonly<Record<Route['view'], string>> = {
  'identity-providers': 'Identity providers',
  new: 'Add identity provider',
  'identity-provider': 'Identity provider',
  keys: 'Keys',
  policy: 'Policy',
  explain: 'Explain',
  activity: 'Activity',
  unknown: 'Not found',
}

/** The frame of every view. */
export function App() {
  const route = useRoute()
  const main = useRef<HTMLElement>(null)
  useTitle(route)
  const section = ['new', 'identity-provider'].includes(route.view) ? 'identity-providers' : route.view
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="masthead">
        <p class="product">JWT exchange</p>
        <nav aria-label="Main">
          {NAVIGATION.map(({ view, label }) => (
            <a key={view} href={hrefOf({ view })} aria-current={view === section ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
      </header>
      <main ref={main} tabIndex={-1} key={hrefOf(route)}>
        <View route={route} />
      </main>
    </>
  )
}

function View({ route: { view, id } }: { route: Route }) {
  if (view === 'identity-providers') return <IdentityProviders />
  if (view === 'new') return <NewIdentityProvider />
  if (view === 'explain') return <ExplainView />
  if (view === 'activity') return <ActivityView id={id} />
  if (view === 'keys') return id === undefined ? <ProviderPicker view="keys" /> : <KeysView id={id} />
  if (view === 'policy')
    return id === undefined ? <ProviderPicker view="policy" /> : <ProviderView id={id} view="policy" />
  if (view === 'identity-provider' && id !== undefined) return <ProviderView id={id} view="identity-provider" />
  return (
    <>
      <Heading>There is no such view</Heading>
      <p>
        Begin with the <a href={hrefOf({ view: 'identity-providers' })}>identity providers</a>.
      </p>
    </>
  )
}

function useTitle(route: Route): void {
  const { view, id } = route
  useEffect(() => {
    document.title = `${TITLES[view]}${id === undefined ? '' : `: ${id}`} – JWT exchange`
  }, [view, id])
}
