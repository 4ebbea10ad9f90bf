import { useState } from 'preact/hooks'
import { type ConditionRow, fromRows, NEW_ROW, OPERATORS, type Operator, toRows, type ValueType } from './conditions.js'
import { type ControlProps, Field, ListInput } from './field.js'
import { Rows } from './rows.js'

interface ConditionFieldsProps {
  legend: string
  id?: string
  hint: string
  conditions: unknown
  problem: string
  /** @param conditions undefined: there is none */
  onChange(conditions: Record<string, unknown> | undefined): void
}

/** Conditions on claims, one in each row. */
export function ConditionFields({ legend, id, hint, conditions, problem, onChange }: ConditionFieldsProps) {
  const [rows, setRows] = useState(() => toRows(conditions))
  const change = (changed: readonly ConditionRow[]) => {
    setRows([...changed])
    onChange(fromRows(changed))
  }
  return (
    <Rows
      legend={legend}
      {...(id !== undefined && { id })}
      hint={hint}
      problem={problem}
      rows={rows}
      newRow={NEW_ROW}
      addLabel="Add a condition"
      nameOf={({ claim }) => `condition on ${claim || 'a claim'}`}
      onChange={change}
    >
      {(row, set) => <ConditionRowFields row={row} set={set} />}
    </Rows>
  )
}

function ConditionRowFields({ row, set }: { row: ConditionRow; set(part: Partial<ConditionRow>): void }) {
  const kind = OPERATORS[row.operator]
  return (
    <>
      <Field label="Claim">
        {(control) => <Input control={control} value={row.claim} onInput={(claim) => set({ claim })} />}
      </Field>
      <Field label="Condition">
        {(control) => (
          <select
            {...control}
            value={row.operator}
            onChange={(event) => set({ operator: event.currentTarget.value as Operator })}
          >
            {Object.entries(OPERATORS).map(([operator, { label }]) => (
              <option key={operator} value={operator}>
                {label}
              </option>
            ))}
          </select>
        )}
      </Field>
      {kind.takes !== 'nothing' && <ValueField row={row} set={set} />}
      {row.operator !== 'json' && <FurtherFields row={row} set={set} />}
    </>
  )
}

/** Rarely needed, so folded up unless they say something. */
function FurtherFields({ row, set }: { row: ConditionRow; set(part: Partial<ConditionRow>): void }) {
  const [isOpen] = useState(row.message !== '' || row.type !== 'text')
  const hasType = 'hasType' in OPERATORS[row.operator]
  return (
    <details class="further" open={isOpen}>
      <summary>{hasType ? 'Type and message' : 'Message'}</summary>
      <div class="row-fields">
        {hasType && <TypeField row={row} set={set} />}
        <Field label="Message if it fails">
          {(control) => <Input control={control} value={row.message} onInput={(message) => set({ message })} />}
        </Field>
      </div>
    </details>
  )
}

function ValueField({ row, set }: { row: ConditionRow; set(part: Partial<ConditionRow>): void }) {
  const isSeveral = OPERATORS[row.operator].takes === 'several'
  const label = row.operator === 'equalsClaim' ? 'Other claim' : isSeveral ? 'Values, one in each line' : 'Value'
  return (
    <Field label={label}>
      {(control) =>
        isSeveral ? (
          <ListInput
            control={control}
            rows={Math.min(6, Math.max(2, row.value.split('\n').length))}
            texts={row.value.split('\n')}
            onChange={(texts) => set({ value: texts.join('\n') })}
          />
        ) : (
          <Input control={control} value={row.value} onInput={(value) => set({ value })} />
        )
      }
    </Field>
  )
}

function TypeField({ row, set }: { row: ConditionRow; set(part: Partial<ConditionRow>): void }) {
  return (
    <Field label="In the token, it is a">
      {(control) => (
        <select
          {...control}
          value={row.type}
          onChange={(event) => set({ type: event.currentTarget.value as ValueType })}
        >
          <option value="text">text</option>
          <option value="number">number</option>
          <option value="boolean">true or false</option>
        </select>
      )}
    </Field>
  )
}

/** A text in one line. */
export function Input(props: {
  control: ControlProps
  value: string
  placeholder?: string
  onInput(text: string): void
}) {
  const { control, value, placeholder, onInput } = props
  return (
    <input
      {...control}
      type="text"
      value={value}
      placeholder={placeholder}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  )
}
