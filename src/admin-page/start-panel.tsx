import { useState } from 'preact/hooks'
import { type ApiFailure, callApi, toApiFailure } from './admin-api.js'
import { type Entry, membersOf, textOf, withOption } from './entry.js'
import { examplesLeft, TEMPLATES } from './entry-templates.js'
import { Field } from './field.js'
import { ImportPanel } from './import-panel.js'
import { FailureNotice, Notice } from './notice.js'
import type { EntryEditor } from './use-entry-editor.js'

/** What was found in the metadata of an issuer. */
interface Discovered {
  issuer: string
  jwksUri: string
}

/** Ways to begin: an issuer whose metadata are read, a template, or the export of another server. */
export function StartPanel({ editor }: { editor: EntryEditor }) {
  return (
    <div class="start">
      <Discovery editor={editor} />
      <Templates editor={editor} />
      <ImportPanel editor={editor} />
    </div>
  )
}

function Discovery({ editor }: { editor: EntryEditor }) {
  const [issuer, setIssuer] = useState('')
  const { found, failure, isBusy, discover } = useDiscovery(editor)
  return (
    <section class="card" aria-labelledby="by-issuer">
      <h2 id="by-issuer">Begin with the issuer</h2>
      <p>Paste the issuer, and its metadata say the rest.</p>
      <Field label="Issuer">
        {(control) => (
          <input
            {...control}
            type="text"
            inputMode="url"
            autocomplete="off"
            spellcheck={false}
            placeholder="https://idp.example.com"
            value={issuer}
            onInput={(event) => setIssuer(event.currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && void discover(issuer)}
          />
        )}
      </Field>
      <button type="button" disabled={isBusy || issuer.trim() === ''} onClick={() => void discover(issuer)}>
        {isBusy ? 'Looking…' : 'Find the rest'}
      </button>
      <FailureNotice failure={failure} />
      {found !== undefined && <DiscoveredNotice found={found} />}
    </section>
  )
}

function useDiscovery(editor: EntryEditor) {
  const [found, setFound] = useState<Discovered>()
  const [failure, setFailure] = useState<ApiFailure>()
  const [isBusy, setBusy] = useState(false)
  const discover = async (issuer: string) => {
    setBusy(true)
    setFound(undefined)
    setFailure(undefined)
    try {
      const network = editor.entry.network === 'any' ? { network: 'any' } : {}
      const call = { method: 'POST', body: { issuer: issuer.trim(), ...network } } as const
      const { body } = await callApi<Discovered>('identity-providers/discover', call)
      setFound(body)
      editor.replace(withDiscovered(editor.entry, body))
    } catch (error) {
      setFailure(toApiFailure(error))
    }
    setBusy(false)
  }
  return { found, failure, isBusy, discover }
}

/** The metadata win over what was typed. */
function withDiscovered(entry: Entry, { issuer, jwksUri }: Discovered): Entry {
  const { discovery: _, certificates: __, ...others } = entry
  return { ...others, name: issuer, jwksUri }
}

function DiscoveredNotice({ found }: { found: Discovered }) {
  return (
    <Notice tone="good">
      <p>These were filled in below:</p>
      <dl class="facts">
        {membersOf(found).map(([name, value]) => (
          <div key={name}>
            <dt>{LABELS[name] ?? name}</dt>
            <dd>{Array.isArray(value) ? value.join(', ') : String(value)}</dd>
          </div>
        ))}
      </dl>
    </Notice>
  )
}

const LABELS: Readonly<Record<string, string>> = { issuer: 'Issuer', jwksUri: 'JWKS endpoint' }

function Templates({ editor }: { editor: EntryEditor }) {
  const [title, setTitle] = useState('')
  const [used, setUsed] = useState<string>()
  const template = TEMPLATES.find((each) => each.title === title)
  const left = TEMPLATES.find((each) => each.title === used)?.examples ?? []
  const use = () => {
    if (template === undefined) return
    const { displayName = template.title, description } = editor.entry
    editor.replace(withOption({ ...template.entry, displayName }, 'description', textOf(description) || undefined))
    setUsed(template.title)
  }
  return (
    <section class="card" aria-labelledby="by-template">
      <h2 id="by-template">Begin with a template</h2>
      <p>Each fills in the form, with examples that you replace.</p>
      <Field label="Template" {...(template !== undefined && { hint: template.about })}>
        {(control) => (
          <select {...control} value={title} onChange={(event) => setTitle(event.currentTarget.value)}>
            <option value="">Choose…</option>
            {TEMPLATES.map((each) => (
              <option key={each.title} value={each.title}>
                {each.title}
              </option>
            ))}
          </select>
        )}
      </Field>
      <button type="button" disabled={template === undefined} onClick={use}>
        Fill in the form
      </button>
      <ExamplesLeft examples={examplesLeft(editor.entry, left)} />
    </section>
  )
}

function ExamplesLeft({ examples }: { examples: readonly string[] }) {
  if (examples.length === 0) return null
  return (
    <Notice tone="warn">
      <p>The form still has these examples. Replace them with your own values:</p>
      <ul class="inline">
        {examples.map((example) => (
          <li key={example}>
            <code>{example.replaceAll('"', '')}</code>
          </li>
        ))}
      </ul>
    </Notice>
  )
}
