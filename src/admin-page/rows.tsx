import type { ComponentChildren } from 'preact'
import { useId, useRef } from 'preact/hooks'
import { Icon } from './icon.js'

interface RowsProps<Row> {
  legend: string
  id?: string
  hint: string
  problem: string
  rows: readonly Row[]
  newRow: Row
  addLabel: string
  /** What a row is about, for the button that removes it. */
  nameOf(row: Row): string
  onChange(rows: readonly Row[]): void
  children(row: Row, set: (part: Partial<Row>) => void): ComponentChildren
}

/** Any number of rows of the same fields, with buttons that add and remove one. */
export function Rows<Row>(props: RowsProps<Row>) {
  const { legend, id, hint, problem, rows, newRow, addLabel, nameOf, onChange, children } = props
  const keys = useRowKeys(rows.length)
  const hintId = useId()
  const list = useRef<HTMLFieldSetElement>(null)
  const remove = (index: number) => {
    keys.remove(index)
    onChange(rows.toSpliced(index, 1))
    list.current?.querySelector<HTMLElement>(':scope > .add')?.focus()
  }
  return (
    <fieldset class={problem === '' ? 'rows' : 'rows wrong'} id={id} ref={list} aria-describedby={hintId}>
      <legend>{legend}</legend>
      <p class="hint" id={hintId}>
        {hint}
      </p>
      {problem !== '' && <p class="problem">{problem}</p>}
      {rows.map((row, index) => (
        <div class="row" key={keys.at(index)}>
          <div class="row-fields">{children(row, (part) => onChange(rows.with(index, { ...row, ...part })))}</div>
          <button type="button" class="small icon-only" title="Remove" onClick={() => remove(index)}>
            <Icon name="cross" />
            <span class="visually-hidden">Remove {nameOf(row)}</span>
          </button>
        </div>
      ))}
      <button type="button" class="small add" onClick={() => onChange([...rows, newRow])}>
        <Icon name="plus" />
        {addLabel}
      </button>
    </fieldset>
  )
}

/** A key for each row, which it keeps if another one is removed: its fields hold what was typed. */
function useRowKeys(count: number) {
  const keys = useRef<number[]>([])
  const next = useRef(0)
  while (keys.current.length < count) keys.current.push(next.current++)
  return {
    at: (index: number) => keys.current[index],
    remove: (index: number) => void keys.current.splice(index, 1),
  }
}
