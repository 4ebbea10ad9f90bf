import { Choices } from './field.js'
import { ListOption, TextOption, useOption } from './option-fields.js'

/** Who the identity provider is, and who we are to it. */
export function IdentityFields({ isNew }: { isNew: boolean }) {
  return (
    <section class="card" aria-labelledby="who-it-is">
      <h2 id="who-it-is">Who it is</h2>
      <TextOption
        option="name"
        label="Identity Provider Name"
        isRequired
        placeholder="https://idp.example.com"
        hint="The issuer: the iss of its tokens, compared exactly. Copy it from a token."
      />
      <TextOption option="displayName" label="Display name" hint="What you call it. Tokens do not have it." />
      <TextOption
        option="alias"
        label="Alias"
        placeholder="https://api.example.com/oauth2/token"
        hint="The audience: the aud that its tokens must have. Empty: the URL of your token endpoint."
      />
      {isNew && (
        <TextOption
          option="id"
          label="Id"
          hint="Identifies it in events and in access tokens, and never changes. Empty: one is made from its name."
        />
      )}
      <TextOption option="description" label="Description" rows={2} hint="What your colleagues should know about it." />
    </section>
  )
}

type Acceptance = 'listed' | 'any' | 'rules'

/** The subjects that are accepted. */
export function SubjectFields() {
  const { value, set, field } = useOption('allowedSubjects')
  const acceptance: Acceptance = value === undefined ? 'rules' : value === 'any' ? 'any' : 'listed'
  const choose = (chosen: Acceptance) => set(chosen === 'any' ? 'any' : chosen === 'listed' ? [] : undefined)
  return (
    <>
      <Choices<Acceptance>
        id={acceptance === 'listed' ? undefined : field.id}
        label="Accepted subjects"
        value={acceptance}
        onChange={choose}
        choices={[
          { value: 'listed', label: 'Only these subjects' },
          { value: 'any', label: 'Everybody whom it signs a token for' },
          {
            value: 'rules',
            label: 'As the other rules say',
            hint: 'Claims, scopes or bindings must then restrict it.',
          },
        ]}
      />
      {acceptance === 'listed' && (
        <ListOption
          option="allowedSubjects"
          label="Subjects (sub)"
          placeholder={'service-*'}
          hint="One in each line. A * stands for any text."
        />
      )}
      {acceptance !== 'listed' && field.problem !== '' && <p class="problem">{field.problem}</p>}
    </>
  )
}
