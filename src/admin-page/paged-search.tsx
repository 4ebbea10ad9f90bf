import { useEffect, useId, useState } from 'preact/hooks'
import { Icon } from './icon.js'

/** Milliseconds without typing after which is searched. */
const PAUSE = 250

/** A field whose text is reported when typing pauses. */
export function SearchField({ label, onSearch }: { label: string; onSearch(search: string): void }) {
  const id = useId()
  const [text, setText] = useState('')
  useEffect(() => {
    const timer = setTimeout(() => onSearch(text.trim()), PAUSE)
    return () => clearTimeout(timer)
  }, [text, onSearch])
  return (
    <div class="search">
      <label for={id}>{label}</label>
      <div class="search-box">
        <Icon name="search" />
        <input
          id={id}
          type="search"
          value={text}
          maxLength={200}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
    </div>
  )
}

export interface Pages {
  /** What the request for the present page has in its query. */
  position: { after?: string }
  hasPrevious: boolean
  goToNext(after: string): void
  goToPrevious(): void
}

/**
 * The way through a list that only says what comes next.
 *
 * @param of what is listed: another text begins at the first page again
 */
export function usePages(of: string): Pages {
  const [way, setWay] = useState<{ of: string; starts: readonly string[] }>({ of, starts: [] })
  const starts = way.of === of ? way.starts : []
  const after = starts.at(-1)
  return {
    position: after === undefined ? {} : { after },
    hasPrevious: starts.length > 0,
    goToNext: (next) => setWay({ of, starts: [...starts, next] }),
    goToPrevious: () => setWay({ of, starts: starts.slice(0, -1) }),
  }
}

/** @param next where the next page begins; null: there is none */
export function PageButtons({ pages, next }: { pages: Pages; next: string | null }) {
  if (next === null && !pages.hasPrevious) return null
  return (
    <nav class="actions" aria-label="Pages">
      <button type="button" disabled={!pages.hasPrevious} onClick={pages.goToPrevious}>
        Previous page
      </button>
      <button type="button" disabled={next === null} onClick={() => next !== null && pages.goToNext(next)}>
        Next page
      </button>
    </nav>
  )
}
