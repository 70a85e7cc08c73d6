/**
 * One live balance: the number, its pending tint, then ✓ with the version, or a shake back with the reason.
 *
 * The number is the button that opens the editor, so keyboard and pointer find the same thing. A change by
 * somebody else flashes once; the flash restarts by its key, not by timers.
 */
import { IconAlertCircle, IconCheck, IconLoader2, IconPencil } from '@tabler/icons-react'
import { type KeyboardEvent, type Ref, useEffect, useRef, useState } from 'react'
import { formatAmount } from '../amounts'
import { announce } from '../announce'
import type { ShownBalance } from '../balances'

interface Props {
  name: string
  balance: ShownBalance
  scale: number
  editable: boolean
  onEdit: () => void
  buttonRef?: Ref<HTMLButtonElement>
  onKeyDown?: (event: KeyboardEvent) => void
}

export function BalanceCell({ name, balance, scale, editable, onEdit, buttonRef, onKeyDown }: Props) {
  const { credits, layer, flashes } = balance
  const shown = formatAmount(credits, scale)
  // The cell comes back after an edit: flashes from before have been seen.
  const [seen] = useState(flashes)
  useSpokenFlash(flashes, `${name}: ${shown}`)

  const number = (
    <span className="numeral balance-number" key={flashes} data-flash={flashes > seen || undefined}>
      {shown}
    </span>
  )
  return (
    <div className="balance" data-phase={layer?.phase}>
      <Mark balance={balance} />
      {editable ? (
        <button
          type="button"
          ref={buttonRef}
          className="balance-button"
          aria-label={`${shown}: change the credits of ${name}`}
          // Not `disabled`: that would take the focus away from whoever works by keyboard.
          aria-disabled={layer?.phase === 'sending' || undefined}
          onClick={onEdit}
          onKeyDown={onKeyDown}
        >
          <IconPencil size={14} className="balance-pencil" aria-hidden />
          {number}
        </button>
      ) : (
        number
      )}
    </div>
  )
}

/** Only a flash speaks; what it says is the number at that moment. */
function useSpokenFlash(flashes: number, text: string): void {
  const said = useRef(flashes)
  useEffect(() => {
    if (flashes === said.current) return
    said.current = flashes
    announce(text, 'balances')
  }, [flashes, text])
}

function Mark({ balance }: { balance: ShownBalance }) {
  const { layer } = balance
  if (!layer) return null
  if (layer.phase === 'sending') {
    return (
      <span className="mark pending">
        <IconLoader2 size={14} className="spin" aria-label="Sending" role="img" />
      </span>
    )
  }
  if (layer.phase === 'confirmed') {
    return (
      <span className="mark added">
        <IconCheck size={14} stroke={2.6} aria-label="Confirmed" role="img" />
        <span className="version">v{layer.answer?.version}</span>
      </span>
    )
  }
  const reason = layer.problem?.detail ?? 'Not changed'
  return (
    <span className="mark taken" title={reason}>
      <IconAlertCircle size={14} aria-hidden />
      <span className="mark-reason">{reason}</span>
    </span>
  )
}
