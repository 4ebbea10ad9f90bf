import { useState } from 'preact/hooks'
import { type ApiFailure, callApi, toApiFailure } from './admin-api.js'
import { type Entry, titleOf } from './entry.js'
import { Field } from './field.js'
import { FailureNotice, Notice } from './notice.js'
import type { EntryEditor } from './use-entry-editor.js'

/** An identity provider of another server, as an entry. */
interface ImportedRegistration {
  registration: Entry
  /** What has no counterpart here. */
  notMapped: readonly { path: string; why: string }[]
}

/** Begins with what WSO2 Identity Server or Keycloak has exported. */
export function ImportPanel({ editor }: { editor: EntryEditor }) {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState('')
  const { found, used, failure, isBusy, read, use } = useImport(editor)
  const start = () => {
    const document = parseJson(text)
    setProblem(document === undefined ? 'This is not JSON.' : '')
    if (document !== undefined) void read(document)
  }
  return (
    <section class="card" aria-labelledby="by-import">
      <h2 id="by-import">Begin with an export</h2>
      <p>Paste what WSO2 Identity Server or Keycloak has exported.</p>
      <Field label="Exported JSON" problem={problem}>
        {(control) => (
          <textarea
            {...control}
            class="pem"
            rows={3}
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
      </Field>
      <button type="button" disabled={isBusy || text.trim() === ''} onClick={start}>
        Read it
      </button>
      <FailureNotice failure={failure} />
      {found !== undefined && <Found found={found} onUse={use} />}
      {used !== undefined && <NotMapped imported={used} />}
    </section>
  )
}

function useImport(editor: EntryEditor) {
  const [found, setFound] = useState<readonly ImportedRegistration[]>()
  const [used, setUsed] = useState<ImportedRegistration>()
  const [failure, setFailure] = useState<ApiFailure>()
  const [isBusy, setBusy] = useState(false)
  const use = (imported: ImportedRegistration) => {
    editor.replace({ allowedSubjects: [], ...imported.registration })
    setUsed(imported)
  }
  const read = async (document: unknown) => {
    setBusy(true)
    setFailure(undefined)
    setUsed(undefined)
    setFound(undefined)
    try {
      const call = { method: 'POST', body: { document } } as const
      const { body } = await callApi<{ registrations: ImportedRegistration[] }>('identity-providers/import', call)
      const [first, ...others] = body.registrations
      if (first !== undefined && others.length === 0) use(first)
      else setFound(body.registrations)
    } catch (error) {
      setFailure(toApiFailure(error))
    }
    setBusy(false)
  }
  return { found, used, failure, isBusy, read, use }
}

/** The export has several identity providers: each fills in the form. */
function Found({
  found,
  onUse,
}: {
  found: readonly ImportedRegistration[]
  onUse(imported: ImportedRegistration): void
}) {
  return (
    <Notice tone="quiet">
      <p>{found.length === 0 ? 'The export has no identity provider.' : 'Choose one of these:'}</p>
      {found.map((imported, index) => (
        <button
          key={`${index} ${titleOf(imported.registration)}`}
          type="button"
          class="small"
          onClick={() => onUse(imported)}
        >
          {titleOf(imported.registration)}
        </button>
      ))}
    </Notice>
  )
}

function NotMapped({ imported: { registration, notMapped } }: { imported: ImportedRegistration }) {
  return (
    <Notice tone={notMapped.length === 0 ? 'good' : 'warn'}>
      <p>{titleOf(registration)} was filled in below. Say who is accepted: an export does not.</p>
      {notMapped.length > 0 && (
        <ul>
          {notMapped.map(({ path, why }) => (
            <li key={path}>
              <code>{path}</code>: {why}
            </li>
          ))}
        </ul>
      )}
    </Notice>
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
