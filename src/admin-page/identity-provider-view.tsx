import { useState } from 'preact/hooks'
import { type ApiAnswer, callApi, pathOf } from './admin-api.js'
import { EntryEditorForm } from './entry-editor-form.js'
import { Heading } from './heading.js'
import type { IdentityProviderItem } from './identity-provider-item.js'
import { FailureNotice, Notice } from './notice.js'
import { AcceptanceFields, AccessFields, BindingSection, TokenFields } from './policy-fields.js'
import { ProviderHeader } from './provider-header.js'
import { ReadOnlyProvider } from './read-only-provider.js'
import { RegistrationFields } from './registration-fields.js'
import { RemoveProvider } from './remove-provider.js'
import { toSavedEntry, useEntryEditor } from './use-entry-editor.js'
import { useRequest } from './use-request.js'

/** `policy`: only who is accepted, and what they obtain. */
type View = 'identity-provider' | 'policy'

/** One identity provider: its settings, or its policy. */
export function ProviderView({ id, view }: { id: string; view: View }) {
  const { answer, failure, reload } = useRequest<IdentityProviderItem>(pathOf(id))
  if (answer === undefined) {
    return (
      <>
        <Heading>{failure === undefined ? 'Loading…' : 'Identity provider'}</Heading>
        <FailureNotice failure={failure} />
      </>
    )
  }
  const item = answer.body
  if (item.registration !== null) return <StoredProvider loaded={answer} view={view} />
  return (
    <>
      <ProviderHeader item={item} view={view} onChanged={reload} />
      <ReadOnlyProvider item={item} />
    </>
  )
}

function StoredProvider({ loaded, view }: { loaded: ApiAnswer<IdentityProviderItem>; view: View }) {
  const editor = useEntryEditor(toSavedEntry(loaded))
  const [item, setItem] = useState(loaded.body)
  const [message, setMessage] = useState<string>()
  const followSwitch = async (text: string) => {
    setMessage(text)
    const answer = await callApi<IdentityProviderItem>(pathOf(item.id)).catch(() => undefined)
    if (answer === undefined) return
    setItem(answer.body)
    editor.adopt(toSavedEntry(answer))
  }
  return (
    <>
      <ProviderHeader item={item} view={view} onChanged={(text) => void followSwitch(text)} />
      {message !== undefined && <Notice tone="good">{message}</Notice>}
      <EntryEditorForm editor={editor} saveLabel={view === 'policy' ? 'Save policy' : 'Save changes'} onSaved={setItem}>
        {view === 'policy' ? <PolicyFields /> : <RegistrationFields entry={editor.entry} isNew={false} />}
      </EntryEditorForm>
      {view === 'identity-provider' && <RemoveProvider item={item} etag={editor.saved?.etag} />}
    </>
  )
}

function PolicyFields() {
  return (
    <>
      <AcceptanceFields />
      <AccessFields />
      <BindingSection />
      <TokenFields />
    </>
  )
}
