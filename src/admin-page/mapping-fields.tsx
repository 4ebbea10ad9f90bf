import { useState } from 'preact/hooks'
import { Input } from './condition-fields.js'
import { isRecord, membersOf, textOf, textsOf } from './entry.js'
import { Field } from './field.js'
import { TextOption, useOption } from './option-fields.js'
import { Rows } from './rows.js'

interface GroupRow {
  group: string
  /** With spaces between them. */
  scopes: string
}

/** The scopes of each group. */
export function GroupFields() {
  const { value, set, field } = useOption('groupsToScopes')
  const [rows, setRows] = useState<readonly GroupRow[]>(() =>
    membersOf(value).map(([group, scopes]) => ({ group, scopes: textsOf(scopes).join(' ') })),
  )
  const change = (changed: readonly GroupRow[]) => {
    setRows(changed)
    set(toObject(changed.map(({ group, scopes }) => [group, scopes.split(/\s+/).filter((scope) => scope !== '')])))
  }
  return (
    <>
      <Rows<GroupRow>
        legend="Scopes of groups"
        hint="Each group is one more binding."
        rows={rows}
        newRow={{ group: '', scopes: '' }}
        addLabel="Add a group"
        nameOf={({ group }) => `group ${group}`}
        onChange={change}
        {...field}
      >
        {(row, setPart) => (
          <>
            <Field label="Group">
              {(control) => <Input control={control} value={row.group} onInput={(group) => setPart({ group })} />}
            </Field>
            <Field label="Scopes, with spaces between them">
              {(control) => <Input control={control} value={row.scopes} onInput={(scopes) => setPart({ scopes })} />}
            </Field>
          </>
        )}
      </Rows>
      {rows.length > 0 && <TextOption option="groupsClaim" label="Claim with the groups" placeholder="groups" />}
    </>
  )
}

interface ClaimRow {
  claim: string
  kind: 'claim' | 'constant'
  source: string
}

/** Further claims of the access token. */
export function ClaimsToTokenFields() {
  const { value, set, field } = useOption('claimsToToken')
  const [rows, setRows] = useState<readonly ClaimRow[]>(() => membersOf(value).map(claimRowOf))
  const change = (changed: readonly ClaimRow[]) => {
    setRows(changed)
    set(
      toObject(
        changed.map(({ claim, kind, source }) => [claim, kind === 'claim' ? source : { value: readConstant(source) }]),
      ),
    )
  }
  return (
    <Rows<ClaimRow>
      legend="Further claims"
      hint="Claims that the access token gets in addition to its own. One whose source is missing is left out."
      rows={rows}
      newRow={{ claim: '', kind: 'claim', source: '' }}
      addLabel="Add a claim"
      nameOf={({ claim }) => `claim ${claim}`}
      onChange={change}
      {...field}
    >
      {(row, setPart) => <ClaimRowFields row={row} set={setPart} />}
    </Rows>
  )
}

function ClaimRowFields({ row, set }: { row: ClaimRow; set(part: Partial<ClaimRow>): void }) {
  return (
    <>
      <Field label="Claim of the access token">
        {(control) => <Input control={control} value={row.claim} onInput={(claim) => set({ claim })} />}
      </Field>
      <Field label="Comes from">
        {(control) => (
          <select
            {...control}
            value={row.kind}
            onChange={(event) => set({ kind: event.currentTarget.value as ClaimRow['kind'] })}
          >
            <option value="claim">the claim of the assertion</option>
            <option value="constant">the constant</option>
          </select>
        )}
      </Field>
      <Field label={row.kind === 'claim' ? 'Claim of the assertion' : 'Constant, as text or JSON'}>
        {(control) => <Input control={control} value={row.source} onInput={(source) => set({ source })} />}
      </Field>
    </>
  )
}

function claimRowOf([claim, source]: [string, unknown]): ClaimRow {
  if (!isRecord(source)) return { claim, kind: 'claim', source: textOf(source) }
  const { value } = source
  // A text that would be read as JSON is written as JSON.
  const isPlain = typeof value === 'string' && readConstant(value) === value
  return { claim, kind: 'constant', source: isPlain ? value : JSON.stringify(value) }
}

function readConstant(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** undefined if no row has a name. */
function toObject(members: readonly (readonly [string, unknown])[]): Record<string, unknown> | undefined {
  const named = members.filter(([name]) => name !== '')
  return named.length === 0 ? undefined : Object.fromEntries(named)
}
