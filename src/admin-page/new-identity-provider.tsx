import type { Entry } from './entry.js'
import { EntryEditorForm } from './entry-editor-form.js'
import { Heading } from './heading.js'
import type { IdentityProviderList } from './identity-provider-item.js'
import { FailureNotice } from './notice.js'
import { ReadOnlyNotice } from './read-only-provider.js'
import { RegistrationFields } from './registration-fields.js'
import { goTo, hrefOf } from './route.js'
import { StartPanel } from './start-panel.js'
import { useEntryEditor } from './use-entry-editor.js'
import { useRequest } from './use-request.js'

/** Who is accepted must be said, so that nobody is accepted by mistake. */
const NEW_ENTRY: Entry = { allowedSubjects: [] }

/** Adds an identity provider to the store. */
export function NewIdentityProvider() {
  const { answer, failure } = useRequest<IdentityProviderList>('identity-providers?limit=1')
  const isReadOnly = answer?.body.isReadOnly
  return (
    <>
      <p class="breadcrumb">
        <a href={hrefOf({ view: 'identity-providers' })}>Identity providers</a>
      </p>
      <Heading>Add identity provider</Heading>
      <FailureNotice failure={failure} />
      {isReadOnly === true && <ReadOnlyNotice />}
      {isReadOnly === false && <NewEntry />}
    </>
  )
}

function NewEntry() {
  const editor = useEntryEditor(undefined, NEW_ENTRY)
  return (
    <>
      <StartPanel editor={editor} />
      <EntryEditorForm
        editor={editor}
        saveLabel="Add identity provider"
        onSaved={({ id }) => goTo({ view: 'identity-provider', id })}
      >
        <RegistrationFields entry={editor.entry} isNew />
      </EntryEditorForm>
    </>
  )
}
