import { useEffect, useState } from 'preact/hooks'
import { noteNavigation } from './heading.js'

/** A view, by the part of the address after `#`. */
export interface Route {
  view: 'identity-providers' | 'new' | 'identity-provider' | 'keys' | 'policy' | 'explain' | 'activity' | 'unknown'
  /** The identity provider that the view is of. */
  id?: string | undefined
}

/** What the present view would lose. */
const changes = { areUnsaved: false }

export function noteUnsavedChanges(areUnsaved: boolean): void {
  changes.areUnsaved = areUnsaved
}

const OF_ONE = ['identity-provider', 'keys', 'policy', 'activity'] as const
const OF_ALL = ['identity-providers', 'keys', 'policy', 'explain', 'activity'] as const

export function hrefOf({ view, id }: Route): string {
  if (view === 'new') return '#/identity-providers/new'
  return id === undefined ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`
}

/** @param hash `#/keys/acme` */
export function parseRoute(hash: string): Route {
  const [name = '', ...rest] = hash.replace(/^#\/?/, '').split('/')
  if (name === '') return { view: 'identity-providers' }
  if (name === 'identity-providers' && rest.join('/') === 'new') return { view: 'new' }
  const id = rest.length === 1 && rest[0] !== '' ? decode(rest[0]) : undefined
  const view = id === undefined ? OF_ALL.find((each) => each === name) : OF_ONE.find((each) => each === name)
  if (view === undefined || (rest.length > 0 && id === undefined)) return { view: 'unknown' }
  return { view, id }
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const follow = ({ oldURL }: HashChangeEvent) => {
      if (!mayLeave()) return history.replaceState(null, '', oldURL)
      noteNavigation()
      scrollTo(0, 0)
      setHash(location.hash)
    }
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return parseRoute(hash)
}

/** Goes to another view after something was saved or removed, so without a question. */
export function goTo(route: Route): void {
  changes.areUnsaved = false
  location.hash = hrefOf(route)
}

function mayLeave(): boolean {
  return !changes.areUnsaved || confirm('Leave without saving? Your changes will be lost.')
}

function decode(text = ''): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
