/**
 * The balance in the header, written on the nine names of the credit context alone: code that was written against the
 * original context looks like this, and runs unchanged.
 */

import { type CreditContextType, useCredits } from 'livecredits/react'
import { useEffect, useRef, useState } from 'react'
import { amountText } from './amounts'

const FLASH_MS = 1200

export function CreditDisplay() {
  const { credits, loading, registerCreditUpdateCallback }: CreditContextType = useCredits()
  const flashes = useFlash(credits, loading)

  useEffect(() => {
    // Register callback to listen for credit updates from admin actions
    const unregister = registerCreditUpdateCallback((userId) => {
      console.log(`💳 CreditDisplay: Received credit update for user ${userId}`)
      // The credits will be automatically refreshed by the CreditContext
    })

    return unregister
  }, [registerCreditUpdateCallback])

  return (
    <a
      className="badge"
      data-testid="header-badge"
      data-flash={flashes}
      href="#/account"
      aria-label={loading ? 'Credits are being read' : `${amountText(credits)} credits`}
    >
      <span aria-hidden="true" className="coin" />
      <span className="number">{loading ? '…' : amountText(credits)}</span>
    </a>
  )
}

/** True for a moment after the number changed, but not when it is first known. */
export function useFlash(value: number, loading: boolean): boolean {
  const [flashes, setFlashes] = useState(false)
  const before = useRef<number | null>(null)
  useEffect(() => {
    const known = before.current
    before.current = loading ? null : value
    if (loading || known === null || known === value) return
    setFlashes(true)
    const timer = setTimeout(() => setFlashes(false), FLASH_MS)
    return () => clearTimeout(timer)
  }, [value, loading])
  return flashes
}
