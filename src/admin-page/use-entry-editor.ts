import { useEffect, useState } from 'preact/hooks'
import { type ApiAnswer, type ApiFailure, callApi, type EntryProblem, pathOf, toApiFailure } from './admin-api.js'
import { differencesOf, type Entry, withChangesOf, withOption, writtenPart } from './entry.js'
import type { EntryForm } from './entry-form.js'
import type { IdentityProviderItem } from './identity-provider-item.js'
import { noteUnsavedChanges } from './route.js'

/** What the store has. */
export interface SavedEntry {
  id: string
  entry: Entry
  etag: string | undefined
}

export interface EntryEditor extends EntryForm {
  /** Another number means: the fields begin again with what the entry has. */
  generation: number
  isChanged: boolean
  /** undefined: it is new. */
  saved: SavedEntry | undefined
  isSaving: boolean
  /** Why it was not saved. */
  failure: ApiFailure | undefined
  /** What somebody else has saved meanwhile. */
  conflict: SavedEntry | undefined
  replace(entry: Entry): void
  setProblems(problems: readonly EntryProblem[]): void
  /** @returns what the store has now; undefined if it was not saved */
  save(): Promise<IdentityProviderItem | undefined>
  /** Ends a conflict: with the other version, or with the own changes on top of it. */
  resolve(keep: 'theirs' | 'mine'): void
  /** Takes over what was saved by other means, and keeps the own changes. */
  adopt(saved: SavedEntry): void
}

interface EditorState {
  entry: Entry
  saved: SavedEntry | undefined
  generation: number
  isSaving: boolean
  failure?: ApiFailure | undefined
  problems: readonly EntryProblem[]
  conflict?: SavedEntry | undefined
}

/**
 * @param saved undefined: the entry is new
 * @param initial what a new entry begins with
 */
export function useEntryEditor(saved: SavedEntry | undefined, initial: Entry = {}): EntryEditor {
  const [state, setState] = useState<EditorState>(() => beginWith(saved, initial))
  const set = (part: Partial<EditorState>) => setState((before) => ({ ...before, ...part }))
  const { entry, generation } = state
  const isChanged = differencesOf(entry, state.saved?.entry ?? initial).length > 0
  useWarningBeforeLeaving(isChanged)
  return {
    ...state,
    failure: state.failure,
    conflict: state.conflict,
    isChanged,
    change: (option, value) => setState((before) => ({ ...before, ...withChange(before, option, value) })),
    replace: (replacement) => set({ entry: replacement, generation: generation + 1, problems: [], failure: undefined }),
    setProblems: (problems) => set({ problems }),
    save: async () => {
      set({ isSaving: true, failure: undefined, problems: [] })
      const outcome = await saveEntry(state)
      set({ isSaving: false, ...outcome.state })
      return outcome.item
    },
    resolve: (keep) => {
      const { conflict } = state
      if (conflict === undefined) return
      const kept = keep === 'theirs' ? { ...state, entry: conflict.entry } : withAdopted(state, conflict)
      set({ ...kept, saved: conflict, generation: generation + 1, conflict: undefined, failure: undefined })
    },
    adopt: (other) => setState((before) => withAdopted(before, other)),
  }
}

function beginWith(saved: SavedEntry | undefined, initial: Entry): EditorState {
  return { entry: saved?.entry ?? initial, saved, generation: 0, isSaving: false, problems: [] }
}

/** A problem stays until the option that it is about has changed. */
function withChange({ entry, problems }: EditorState, option: string, value: unknown): Partial<EditorState> {
  return { entry: withOption(entry, option, value), problems: problems.filter(({ path }) => path[0] !== option) }
}

function withAdopted(state: EditorState, saved: SavedEntry): EditorState {
  const base = state.saved?.entry ?? {}
  const entry = withChangesOf(state.entry, base, saved.entry)
  // No field of the form shows whether it is enabled: so what was typed need not begin again.
  const isSameForm = differencesOf(entry, state.entry).every(({ option }) => option === 'enabled')
  return { ...state, entry, saved, generation: state.generation + (isSameForm ? 0 : 1) }
}

interface SaveOutcome {
  item?: IdentityProviderItem
  state: Partial<EditorState>
}

async function saveEntry({ entry, saved }: EditorState): Promise<SaveOutcome> {
  try {
    const answer = await callApi<IdentityProviderItem>(
      saved === undefined ? 'identity-providers' : pathOf(saved.id),
      saved === undefined ? { method: 'POST', body: entry } : { method: 'PUT', body: entry, ifMatch: saved.etag },
    )
    const now = toSavedEntry(answer)
    return { item: answer.body, state: { saved: now, entry: now.entry, conflict: undefined } }
  } catch (error) {
    const failure = toApiFailure(error)
    const conflict = failure.status === 412 && saved !== undefined ? await fetchSaved(saved.id) : undefined
    return { state: { failure, problems: failure.problems, conflict } }
  }
}

export function toSavedEntry({ body, etag }: ApiAnswer<IdentityProviderItem>): SavedEntry {
  return { id: body.id, entry: writtenPart(body.registration ?? {}), etag }
}

/** undefined: it cannot be read now, so that only the failure is shown. */
async function fetchSaved(id: string): Promise<SavedEntry | undefined> {
  return callApi<IdentityProviderItem>(pathOf(id)).then(toSavedEntry, () => undefined)
}

/** The page asks before another view is shown, and the browser before the page is closed. */
function useWarningBeforeLeaving(isChanged: boolean): void {
  useEffect(() => {
    noteUnsavedChanges(isChanged)
    if (!isChanged) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => {
      noteUnsavedChanges(false)
      removeEventListener('beforeunload', warn)
    }
  }, [isChanged])
}
