import { useState } from 'preact/hooks'
import { type ApiFailure, callApi, pathOf, toApiFailure } from './admin-api.js'
import { ConfirmationDialog } from './confirmation-dialog.js'
import { titleOf } from './entry.js'
import type { IdentityProviderItem } from './identity-provider-item.js'
import { FailureNotice } from './notice.js'

interface TrustSwitchProps {
  item: IdentityProviderItem
  onChanged(message: string): void
}

/** Switches an identity provider off, or on again, after a confirmation. */
export function TrustSwitch({ item, onChanged }: TrustSwitchProps) {
  const [isAsking, setAsking] = useState(false)
  const { enabled } = item
  return (
    <>
      <button type="button" class="small" onClick={() => setAsking(true)}>
        {enabled ? 'Switch off' : 'Switch on'}
        <span class="visually-hidden"> {titleOf(item)}</span>
      </button>
      {isAsking && (
        <TrustDialog
          item={item}
          onCancel={() => setAsking(false)}
          onChanged={(message) => {
            setAsking(false)
            onChanged(message)
          }}
        />
      )}
    </>
  )
}

function TrustDialog({ item, onChanged, onCancel }: TrustSwitchProps & { onCancel(): void }) {
  const [isBusy, setBusy] = useState(false)
  const [failure, setFailure] = useState<ApiFailure>()
  const title = titleOf(item)
  const change = async () => {
    setBusy(true)
    try {
      await callApi(pathOf(item.id, item.enabled ? 'disable' : 'enable'), { method: 'POST', body: {} })
      onChanged(`${title} is switched ${item.enabled ? 'off' : 'on'}.`)
    } catch (error) {
      setFailure(toApiFailure(error))
      setBusy(false)
    }
  }
  return (
    <ConfirmationDialog
      title={`Switch ${item.enabled ? 'off' : 'on'} ${title}?`}
      action={item.enabled ? 'Switch off' : 'Switch on'}
      isDangerous={item.enabled}
      isBusy={isBusy}
      onConfirm={() => void change()}
      onCancel={onCancel}
    >
      {item.enabled ? (
        <p>Its assertions are refused at once, and so are the access tokens that were issued for them.</p>
      ) : (
        <p>Its assertions are accepted again. Access tokens that were issued for them work again until they expire.</p>
      )}
      <FailureNotice failure={failure} />
    </ConfirmationDialog>
  )
}
