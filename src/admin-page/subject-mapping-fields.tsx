import { useState } from 'preact/hooks'
import { textOf } from './entry.js'
import { type Choice, Choices } from './field.js'
import { TextOption, useOption } from './option-fields.js'

type Mapping = 'default' | 'namespaced' | 'other'

const CHOICES: readonly Choice<Mapping>[] = [
  { value: 'default', label: 'As for all identity providers', hint: 'What the top-level option subject says.' },
  { value: 'namespaced', label: 'The sub, with the id of the identity provider before it', hint: '{id}|{sub}' },
]
/** Offered only if the entry has one: two identity providers must not share a subject. */
const OTHER: Choice<Mapping> = { value: 'other', label: 'Another one', hint: 'As the entry has it.' }

/** What the sub of access tokens becomes. */
export function SubjectMappingFields() {
  const { value, set, field } = useOption('subject')
  const [before] = useState(value)
  const text = textOf(value)
  const mapping: Mapping = value === undefined ? 'default' : text === 'namespaced' ? text : 'other'
  const hadOther = before !== undefined && before !== 'namespaced'
  const choose = (chosen: Mapping) => {
    set(chosen === 'default' ? undefined : chosen === 'namespaced' ? chosen : before)
  }
  return (
    <>
      <Choices<Mapping>
        id={mapping === 'other' ? undefined : field.id}
        label="Subject of access tokens"
        choices={hadOther ? [...CHOICES, OTHER] : CHOICES}
        value={mapping}
        onChange={choose}
      />
      {mapping === 'other' && <TextOption option="subject" label="Subject" />}
      {mapping !== 'other' && field.problem !== '' && <p class="problem">{field.problem}</p>}
    </>
  )
}
