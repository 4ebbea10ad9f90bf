import { useState } from 'preact/hooks'
import { ConditionFields, Input } from './condition-fields.js'
import { type Entry, isRecord, textOf, textsOf } from './entry.js'
import { Field, ListInput } from './field.js'
import { useOption } from './option-fields.js'
import { Rows } from './rows.js'

/** Bindings: which claims and clients obtain what. */
export function BindingFields() {
  const { value, set, field } = useOption('bindings')
  const [bindings, setBindings] = useState<readonly Entry[]>(() => (Array.isArray(value) ? value.filter(isRecord) : []))
  const change = (changed: readonly Entry[]) => {
    const written = changed.map(withoutAbsent)
    setBindings(written)
    set(written.length === 0 ? undefined : written)
  }
  return (
    <Rows<Entry>
      legend="Bindings"
      hint="A binding says what some claims and clients obtain. If there are bindings and none fits, the assertion is refused."
      rows={bindings}
      newRow={{ name: '' }}
      addLabel="Add a binding"
      nameOf={({ name }) => `binding ${textOf(name)}`}
      onChange={change}
      {...field}
    >
      {(binding, setPart) => (
        <OneBinding binding={binding} change={(option, changed) => setPart({ [option]: changed })} />
      )}
    </Rows>
  )
}

function withoutAbsent(binding: Entry): Entry {
  return Object.fromEntries(Object.entries(binding).filter(([, value]) => value !== undefined))
}

interface OneBindingProps {
  binding: Entry
  /** @param value undefined removes the option */
  change(option: string, value: unknown): void
}

function OneBinding({ binding, change }: OneBindingProps) {
  return (
    <>
      <Field label="Name">
        {(control) => <Input control={control} value={textOf(binding.name)} onInput={(name) => change('name', name)} />}
      </Field>
      <BindingList label="Scopes" hint="One in each line." option="scopes" binding={binding} change={change} />
      <ConditionFields
        legend="When"
        hint="Conditions on claims. All of them must be met. None: always."
        conditions={binding.when}
        problem=""
        onChange={(conditions) => change('when', conditions)}
      />
      <FurtherBindingFields binding={binding} change={change} />
    </>
  )
}

/** Rarely needed, so folded up unless they say something. */
function FurtherBindingFields({ binding, change }: OneBindingProps) {
  const { clients, resources, lifetime } = binding
  const [isOpen] = useState([clients, resources, lifetime].some((value) => value !== undefined))
  return (
    <details class="further" open={isOpen}>
      <summary>Clients, resources and lifetime</summary>
      <div class="row-fields">
        <BindingList
          label="Clients"
          hint="Ids, one in each line. Empty: all."
          option="clients"
          binding={binding}
          change={change}
        />
        <BindingList
          label="Resources"
          hint="Audiences, one in each line. Empty: all."
          option="resources"
          binding={binding}
          change={change}
        />
        <Field label="Longest lifetime (seconds)">
          {(control) => (
            <Input
              control={control}
              value={lifetime === undefined ? '' : String(lifetime)}
              onInput={(text) => change('lifetime', /^\d{1,9}$/.test(text) ? Number(text) : text || undefined)}
            />
          )}
        </Field>
      </div>
    </details>
  )
}

function BindingList({
  label,
  hint,
  option,
  binding,
  change,
}: OneBindingProps & { label: string; hint: string; option: string }) {
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <ListInput
          control={control}
          rows={2}
          texts={textsOf(binding[option])}
          onChange={(texts) => change(option, texts.length === 0 ? undefined : texts)}
        />
      )}
    </Field>
  )
}
