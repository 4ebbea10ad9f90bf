import { useRef, useState } from 'preact/hooks'
import type { Entry } from './entry.js'
import { useEntryForm } from './entry-form.js'
import { Field } from './field.js'

/** Options that no other field shows: headers, a fixed key set, and whatever is added later. */
export function OtherOptions({ shown }: { shown: readonly string[] }) {
  const { entry, change } = useEntryForm()
  const others = optionsWithout(entry, shown)
  const [text, setText] = useState(() => (Object.keys(others).length === 0 ? '' : JSON.stringify(others, null, 2)))
  const [problem, setProblem] = useState('')
  const known = useRef(Object.keys(others))
  const read = (typed: string) => {
    setText(typed)
    const options = parseOptions(typed)
    if (options === undefined) return setProblem('This is not a JSON object. The options stay as they were.')
    const taken = Object.keys(options).filter((name) => shown.includes(name))
    setProblem(taken.length === 0 ? '' : `${taken.join(', ')}: set this in its own field.`)
    const own = optionsWithout(options, shown)
    for (const name of known.current.filter((each) => !Object.hasOwn(own, each))) change(name, undefined)
    for (const [name, value] of Object.entries(own)) change(name, value)
    known.current = Object.keys(own)
  }
  return (
    <details class="card">
      <summary>Other options</summary>
      <Field
        label="Other options (JSON)"
        hint="Options of docs/options.md that have no field here, such as headers or jwks, as a JSON object."
        problem={problem}
      >
        {(control) => (
          <textarea
            {...control}
            class="pem"
            rows={6}
            spellcheck={false}
            placeholder={'{ "headers": { "x-api-key": "…" } }'}
            value={text}
            onInput={(event) => read(event.currentTarget.value)}
          />
        )}
      </Field>
    </details>
  )
}

function optionsWithout(entry: Entry, names: readonly string[]): Entry {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)))
}

/** undefined: no JSON object. */
function parseOptions(text: string): Entry | undefined {
  if (text.trim() === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Entry) : undefined
  } catch {
    return undefined
  }
}
