import type { ComponentChildren } from 'preact'
import { textOf, textsOf } from './entry.js'
import { describeProblems, idOfOption, problemsAt, useEntryForm } from './entry-form.js'
import { Field, ListInput } from './field.js'

interface OptionProps {
  /** The name of the option in the entry. */
  option: string
  label: string
  hint?: ComponentChildren
  isRequired?: boolean
}

/** The option in the entry, and what its field needs. */
export function useOption(option: string) {
  const { entry, change, problems } = useEntryForm()
  return {
    value: entry[option],
    set: (value: unknown) => change(option, value),
    field: { id: idOfOption(option), problem: describeProblems(problemsAt(problems, [option]), [option]) },
  }
}

/** An option that is one text. Empty: it is absent. */
export function TextOption(props: OptionProps & { placeholder?: string; rows?: number }) {
  const { option, placeholder, rows, ...rest } = props
  const { value, set, field } = useOption(option)
  const change = (text: string) => set(text === '' ? undefined : text)
  return (
    <Field {...rest} {...field}>
      {(control) =>
        rows === undefined ? (
          <input
            {...control}
            type="text"
            value={textOf(value)}
            placeholder={placeholder}
            aria-required={props.isRequired}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => change(event.currentTarget.value)}
          />
        ) : (
          <textarea
            {...control}
            rows={rows}
            value={textOf(value)}
            onInput={(event) => change(event.currentTarget.value)}
          />
        )
      }
    </Field>
  )
}

/** An option that is a list of texts. Empty: it is absent. */
export function ListOption(props: OptionProps & { placeholder?: string; rows?: number }) {
  const { option, placeholder, rows, ...rest } = props
  const { value, set, field } = useOption(option)
  return (
    <Field {...rest} {...field}>
      {(control) => (
        <ListInput
          control={control}
          texts={textsOf(value)}
          {...(rows !== undefined && { rows })}
          {...(placeholder !== undefined && { placeholder })}
          onChange={(texts) => set(texts.length === 0 ? undefined : texts)}
        />
      )}
    </Field>
  )
}

/** An option that is a whole number. Anything else is kept as a text, so that the API says what is wrong with it. */
export function NumberOption(props: OptionProps & { unit?: string }) {
  const { option, unit = 'seconds', ...rest } = props
  const { value, set, field } = useOption(option)
  return (
    <Field {...rest} label={`${props.label} (${unit})`} {...field}>
      {(control) => (
        <input
          {...control}
          type="text"
          inputMode="numeric"
          autocomplete="off"
          value={typeof value === 'number' ? String(value) : textOf(value)}
          onInput={(event) => set(readNumber(event.currentTarget.value))}
        />
      )}
    </Field>
  )
}

function readNumber(text: string): unknown {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  return /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : trimmed
}

/** An option that is one of a few texts. The first choice, without a value, leaves it out. */
export function SelectOption(
  props: OptionProps & { absent: string; choices: readonly { value: string; label: string }[] },
) {
  const { option, absent, choices, ...rest } = props
  const { value, set, field } = useOption(option)
  return (
    <Field {...rest} {...field}>
      {(control) => (
        <select
          {...control}
          value={textOf(value)}
          onChange={(event) => set(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
        >
          <option value="">{absent}</option>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}

/** An option that is true or false. */
export function BooleanOption({ option, label, hint, absent }: OptionProps & { absent: string }) {
  const { value, set, field } = useOption(option)
  const shown = typeof value === 'boolean' ? String(value) : ''
  return (
    <Field label={label} {...(hint !== undefined && { hint })} {...field}>
      {(control) => (
        <select
          {...control}
          value={shown}
          onChange={(event) => {
            const { value: chosen } = event.currentTarget
            set(chosen === '' ? undefined : chosen === 'true')
          }}
        >
          <option value="">{absent}</option>
          <option value="true">Yes</option>
          <option value="false">No</option>
        </select>
      )}
    </Field>
  )
}
