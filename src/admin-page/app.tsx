import { IdentityProviders } from './identity-providers.js'

/** The frame of every view. */
export function App() {
  return (
    <>
      <header class="masthead">
        <p class="product">JWT exchange</p>
      </header>
      <main>
        <IdentityProviders />
      </main>
    </>
  )
}
