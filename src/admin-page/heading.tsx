import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** Whether a view was chosen since the page was loaded, and whether its heading has not had the focus so far. */
const navigation = { hasHappened: false, isNew: false }

export function noteNavigation(): void {
  navigation.hasHappened = true
  navigation.isNew = true
}

/**
 * The heading of a view. It gets the focus when the view was chosen, so that a screen reader says where one is. A heading that
 * replaces it, because the view has loaded, gets the focus in turn.
 */
export function Heading({ children }: { children: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    const isLost = navigation.hasHappened && document.activeElement === document.body
    if (navigation.isNew || isLost) heading.current?.focus()
    navigation.isNew = false
  }, [])
  return (
    <h1 tabIndex={-1} ref={heading}>
      {children}
    </h1>
  )
}
