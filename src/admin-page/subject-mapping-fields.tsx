import { textOf } from './entry.js'
import { Choices } from './field.js'
import { TextOption, useOption } from './option-fields.js'

type Mapping = 'default' | 'raw' | 'namespaced' | 'template'

const CHOICES: readonly { value: Mapping; label: string; hint: string }[] = [
  { value: 'default', label: 'As for all identity providers', hint: 'What the top-level option subject says.' },
  {
    value: 'raw',
    label: 'The sub of the assertion, unchanged',
    hint: 'Only if no two identity providers share a sub.',
  },
  { value: 'namespaced', label: 'The sub, with the id of the identity provider before it', hint: '{id}|{sub}' },
  {
    value: 'template',
    label: 'A text with claims in it',
    hint: 'Begin it with a text that no other identity provider has.',
  },
]

/** What the sub of access tokens becomes. */
export function SubjectMappingFields() {
  const { value, set, field } = useOption('subject')
  const text = textOf(value)
  const mapping: Mapping = value === undefined ? 'default' : text === 'raw' || text === 'namespaced' ? text : 'template'
  const choose = (chosen: Mapping) => {
    set(chosen === 'default' ? undefined : chosen === 'template' ? 'idp|${claims.sub}' : chosen)
  }
  return (
    <>
      <Choices<Mapping>
        id={mapping === 'template' ? undefined : field.id}
        label="Subject of access tokens"
        choices={CHOICES}
        value={mapping}
        onChange={choose}
      />
      {mapping === 'template' && (
        <TextOption
          option="subject"
          label="Template"
          hint={'Claims are written as ${claims.name}, such as ci|${claims.repository_id}.'}
        />
      )}
      {mapping !== 'template' && field.problem !== '' && <p class="problem">{field.problem}</p>}
    </>
  )
}
