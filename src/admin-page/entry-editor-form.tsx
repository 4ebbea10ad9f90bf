import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ConflictPanel } from './conflict-panel.js'
import { DryRun } from './dry-run.js'
import { EntryFormContext, focusOption } from './entry-form.js'
import type { IdentityProviderItem } from './identity-provider-item.js'
import { FailureNotice, Notice } from './notice.js'
import { TomlPanel } from './toml-panel.js'
import type { EntryEditor } from './use-entry-editor.js'

interface EntryEditorFormProps {
  editor: EntryEditor
  saveLabel: string
  onSaved(item: IdentityProviderItem): void
  children: ComponentChildren
}

/** The fields of an entry, what is wrong with them, a dry run, and the button that saves them. */
export function EntryEditorForm({ editor, saveLabel, onSaved, children }: EntryEditorFormProps) {
  const [isSaved, setSaved] = useState(false)
  const save = async () => {
    setSaved(false)
    const item = await editor.save()
    if (item === undefined) return
    setSaved(true)
    onSaved(item)
  }
  return (
    <EntryFormContext.Provider value={editor}>
      <form
        class="editor with-aside"
        noValidate
        autocomplete="off"
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <div class="fields-of-entry">
          <WhyNotSaved editor={editor} />
          <div key={editor.generation} class="sections">
            {children}
          </div>
          <SaveBar editor={editor} label={saveLabel} isSaved={isSaved} />
        </div>
        <div class="aside">
          <DryRun editor={editor} />
          <TomlPanel entry={editor.entry} />
        </div>
      </form>
    </EntryFormContext.Provider>
  )
}

function SaveBar({ editor, label, isSaved }: { editor: EntryEditor; label: string; isSaved: boolean }) {
  const { isSaving, isChanged, conflict } = editor
  const state = isSaving ? 'Saving…' : isChanged ? 'Not saved yet.' : isSaved ? 'Saved.' : ''
  return (
    <div class="actions sticky">
      <button type="submit" class="primary" disabled={isSaving || conflict !== undefined}>
        {label}
      </button>
      <span class="detail" role="status">
        {state}
      </span>
    </div>
  )
}

/** The conflict, or all problems together, each leading to its field. It takes the focus when it appears. */
function WhyNotSaved({ editor }: { editor: EntryEditor }) {
  const { conflict, problems, failure, entry } = editor
  const place = useRef<HTMLDivElement>(null)
  const isShown = conflict !== undefined || problems.length > 0 || failure !== undefined
  useEffect(() => {
    if (isShown) place.current?.focus()
  }, [isShown])
  return (
    <div ref={place} tabIndex={-1} class="why">
      {conflict !== undefined && <ConflictPanel mine={entry} theirs={conflict.entry} onResolve={editor.resolve} />}
      {conflict === undefined && problems.length === 0 && <FailureNotice failure={failure} />}
      {conflict === undefined && problems.length > 0 && (
        <Notice tone="bad">
          <h2>{problems.length === 1 ? 'One thing is wrong' : `${problems.length} things are wrong`}</h2>
          <ul>
            {problems.map(({ path, message }, index) => (
              <li key={`${index} ${path.join('.')}`}>
                {path.length > 0 && (
                  <button type="button" class="link" onClick={() => focusOption(String(path[0]))}>
                    {path.join('.')}
                  </button>
                )}{' '}
                {message}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </div>
  )
}
