import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

/** What a control needs so that it is read with its label, its hint and its problem. */
export interface ControlProps {
  id: string
  'aria-describedby'?: string
  'aria-invalid'?: 'true'
}

interface FieldProps {
  label: string
  /** Default: one that is made up. */
  id?: string
  hint?: ComponentChildren
  /** What is wrong with the value; empty if nothing. */
  problem?: string
  isRequired?: boolean
  isLabelHidden?: boolean
  children(control: ControlProps): ComponentChildren
}

/** A label, a control, a hint and what is wrong. */
export function Field(props: FieldProps) {
  const { label, hint, problem = '', isRequired = false, isLabelHidden = false, children } = props
  const ownId = useId()
  const id = props.id ?? ownId
  const describedBy = [
    ...(hint === undefined ? [] : [`${id}-hint`]),
    ...(problem === '' ? [] : [`${id}-problem`]),
  ].join(' ')
  return (
    <div class={problem === '' ? 'field' : 'field wrong'}>
      <label for={id} class={isLabelHidden ? 'visually-hidden' : undefined}>
        {label}
        {isRequired && <span class="required"> (required)</span>}
      </label>
      {children({
        id,
        ...(describedBy !== '' && { 'aria-describedby': describedBy }),
        ...(problem !== '' && { 'aria-invalid': 'true' as const }),
      })}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem !== '' && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  )
}

export interface Choice<Value extends string> {
  value: Value
  label: string
  hint?: string
}

interface ChoicesProps<Value extends string> {
  label: string
  id?: string | undefined
  choices: readonly Choice<Value>[]
  value: Value
  onChange(value: Value): void
}

/** One of a few, each with a sentence about it. */
export function Choices<Value extends string>({ label, id, choices, value, onChange }: ChoicesProps<Value>) {
  const name = useId()
  return (
    <fieldset class="choices" id={id}>
      <legend>{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} class="choice">
          <input
            type="radio"
            name={name}
            value={choice.value}
            checked={choice.value === value}
            onChange={() => onChange(choice.value)}
          />
          <span>
            {choice.label}
            {choice.hint !== undefined && <span class="hint">{choice.hint}</span>}
          </span>
        </label>
      ))}
    </fieldset>
  )
}

interface ListInputProps {
  control: ControlProps
  texts: readonly string[]
  rows?: number
  placeholder?: string
  onChange(texts: readonly string[]): void
}

/** Several texts, one in each line. Spaces around them are dropped. */
export function ListInput({ control, texts, rows = 3, placeholder, onChange }: ListInputProps) {
  return (
    <textarea
      {...control}
      rows={rows}
      placeholder={placeholder}
      spellcheck={false}
      defaultValue={texts.join('\n')}
      onInput={(event) => onChange(linesOf(event.currentTarget.value))}
    />
  )
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
