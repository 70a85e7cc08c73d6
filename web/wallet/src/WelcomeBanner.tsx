/**
 * A word of welcome to whoever was given a voucher at the first appearance, until it is closed.
 *
 * The odd one: that it was closed is kept by the browser, per redemption; a browser that keeps nothing shows it again.
 */
import { useCredits, useVouchers } from 'livecredits/react'
import { useState } from 'react'
import { amountText } from './amounts'

const FRESH_MS = 14 * 86_400_000
const nameOf = (entry: string) => `lumen.welcomed ${entry}`

export function WelcomeBanner() {
  const { items } = useVouchers()
  const [closed, setClosed] = useState<string | null>(null)
  const gift = items.find(
    ({ welcome, redeemed_at }) => welcome && Date.now() - Date.parse(redeemed_at ?? '') < FRESH_MS,
  )
  const id = gift?.entry ?? ''
  const { scale } = useCredits({ unit: gift?.unit })
  if (gift === undefined || id === closed || wasClosed(id)) return null

  const close = () => {
    setClosed(id)
    try {
      localStorage.setItem(nameOf(id), 'closed')
    } catch {
      // Then it is shown again next time.
    }
  }

  return (
    <aside className="welcome" aria-label="Welcome" data-testid="welcome">
      <p>
        <strong>Welcome to Lumen.</strong> {amountText(gift.amount, scale, true)} {gift.unit} are yours to
        begin with
        {gift.label !== null && `: ${gift.label}`}.
      </p>
      <button type="button" aria-label="Close the welcome" onClick={close}>
        ×
      </button>
    </aside>
  )
}

function wasClosed(entry: string): boolean {
  try {
    return localStorage.getItem(nameOf(entry)) !== null
  } catch {
    return false
  }
}
