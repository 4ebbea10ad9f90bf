import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'

interface ConfirmationDialogProps {
  title: string
  /** What the button that acts says. */
  action: string
  isDangerous?: boolean
  isBusy?: boolean
  onConfirm(): void
  /** Also called for Escape. */
  onCancel(): void
  children: ComponentChildren
}

/** Asks before something is done. While it is open, the rest of the page cannot be used. */
export function ConfirmationDialog(props: ConfirmationDialogProps) {
  const { title, action, isDangerous = false, isBusy = false, onConfirm, onCancel, children } = props
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus()
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault()
        onCancel()
      }}
    >
      <h2 id={titleId}>{title}</h2>
      {children}
      <div class="actions">
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" class={isDangerous ? 'danger' : 'primary'} disabled={isBusy} onClick={onConfirm}>
          {action}
        </button>
      </div>
    </dialog>
  )
}
