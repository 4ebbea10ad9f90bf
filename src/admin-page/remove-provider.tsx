import { useState } from 'preact/hooks'
import { type ApiFailure, callApi, pathOf, toApiFailure } from './admin-api.js'
import { ConfirmationDialog } from './confirmation-dialog.js'
import { titleOf } from './entry.js'
import type { IdentityProviderItem } from './identity-provider-item.js'
import { FailureNotice } from './notice.js'
import { goTo } from './route.js'

/** Removes an identity provider for good, after a confirmation. */
export function RemoveProvider({ item, etag }: { item: IdentityProviderItem; etag: string | undefined }) {
  const [isAsking, setAsking] = useState(false)
  const [isBusy, setBusy] = useState(false)
  const [failure, setFailure] = useState<ApiFailure>()
  const remove = async () => {
    setBusy(true)
    try {
      await callApi(pathOf(item.id), { method: 'DELETE', ifMatch: etag })
      goTo({ view: 'identity-providers' })
    } catch (error) {
      setFailure(toApiFailure(error))
      setBusy(false)
    }
  }
  return (
    <section class="card" aria-labelledby="remove">
      <h2 id="remove">Remove</h2>
      <p>Its entry is deleted. To stop trusting it for a while, switch it off instead.</p>
      <button type="button" class="danger" onClick={() => setAsking(true)}>
        Remove this identity provider
      </button>
      {isAsking && (
        <ConfirmationDialog
          title={`Remove ${titleOf(item)}?`}
          action="Remove"
          isDangerous
          isBusy={isBusy}
          onConfirm={() => void remove()}
          onCancel={() => setAsking(false)}
        >
          <p>Its assertions are refused from now on, and its entry cannot be restored here.</p>
          <FailureNotice failure={failure} />
        </ConfirmationDialog>
      )}
    </section>
  )
}
