import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { EntryProblem } from './admin-api.js'
import type { Entry } from './entry.js'

type Path = readonly (string | number)[]

/** The entry that the fields of a form show and change. */
export interface EntryForm {
  entry: Entry
  /** @param value undefined removes the option */
  change(option: string, value: unknown): void
  problems: readonly EntryProblem[]
}

export const EntryFormContext = createContext<EntryForm>({ entry: {}, change: () => {}, problems: [] })

export function useEntryForm(): EntryForm {
  return useContext(EntryFormContext)
}

/** What is wrong with an option, or with a part of it. */
export function problemsAt(problems: readonly EntryProblem[], path: Path): readonly EntryProblem[] {
  return problems.filter((problem) => path.every((step, index) => problem.path[index] === step))
}

/**
 * The problems as one text, each after the part of the option that it is about.
 *
 * @param path of the field that shows them
 */
export function describeProblems(problems: readonly EntryProblem[], path: Path): string {
  return problems
    .map((problem) => {
      const part = problem.path.slice(path.length).join('.')
      return `${part === '' ? '' : `${part}: `}${problem.message}`
    })
    .join('\n')
}

/** The element that shows an option, so that a problem can lead there. */
export function idOfOption(option: string): string {
  return `option-${option}`
}

/** Moves the focus to the field of an option, and opens what it is hidden in. */
export function focusOption(option: string): void {
  const place = document.getElementById(idOfOption(option))
  if (place === null) return
  for (let part = place.parentElement; part !== null; part = part.parentElement) {
    if (part.tagName === 'DETAILS') part.setAttribute('open', '')
  }
  const control = place.matches('input, select, textarea')
    ? place
    : place.querySelector<HTMLElement>('input, select, textarea, button')
  if (control instanceof HTMLElement) control.focus()
}
