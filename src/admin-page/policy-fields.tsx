import type { ComponentChildren } from 'preact'
import { BindingFields } from './binding-fields.js'
import { ConditionFields } from './condition-fields.js'
import { SubjectFields } from './identity-fields.js'
import { ClaimsToTokenFields, GroupFields } from './mapping-fields.js'
import { BooleanOption, ListOption, NumberOption, SelectOption, TextOption, useOption } from './option-fields.js'
import { SubjectMappingFields } from './subject-mapping-fields.js'

/** Whose assertions are accepted. */
export function AcceptanceFields() {
  return (
    <PolicySection id="accepted" title="Who is accepted">
      <SubjectFields />
      <RequiredClaims />
      <BooleanOption
        option="singleAsArray"
        label="One text counts as a list of one"
        absent="No (default)"
        hint="For claims such as groups, which some identity providers send as a text if there is one group."
      />
    </PolicySection>
  )
}

/** What accepted assertions obtain. */
export function AccessFields() {
  return (
    <PolicySection id="obtained" title="What they may obtain">
      <ListOption
        option="scopes"
        label="Scopes"
        placeholder="orders:read"
        hint="One in each line. The client limits them too. Empty: the scopes of the client."
      />
      <SelectOption
        option="clientAuthentication"
        label="Callers without a client"
        absent="Default of the profile"
        choices={[
          { value: 'required', label: 'Refused: each caller authenticates as a client' },
          { value: 'optional', label: 'Accepted: an assertion is enough' },
        ]}
        hint="If they are accepted, scopes, bindings or groups must say what they obtain."
      />
    </PolicySection>
  )
}

/** What some of them obtain, by their claims. */
export function BindingSection() {
  return (
    <PolicySection id="by-claims" title="What they may obtain by their claims">
      <BindingFields />
      <GroupFields />
      <TextOption
        option="scopeClaim"
        label="Claim that caps the scopes"
        placeholder="scope"
        hint="The access token gets only scopes that this claim contains too."
      />
      <div class="columns">
        <NumberOption option="lifetime" label="Longest lifetime of access tokens" />
        <NumberOption option="maxBeyondAssertion" label="Lifetime beyond the assertion" />
      </div>
    </PolicySection>
  )
}

/** What the access token says of the caller. */
export function TokenFields() {
  return (
    <PolicySection id="token" title="What the access token says">
      <SubjectMappingFields />
      <ClaimsToTokenFields />
    </PolicySection>
  )
}

function RequiredClaims() {
  const { value, set, field } = useOption('requiredClaims')
  return (
    <ConditionFields
      legend="Conditions on claims"
      hint="All of them must be met. A claim within another one is written with a dot: realm_access.roles."
      conditions={value}
      onChange={set}
      {...field}
    />
  )
}

function PolicySection({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}
