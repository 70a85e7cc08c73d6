/**
 * The balances beside the page: credits and minutes of the current user, and what is known about them. Uses what
 * `useCredits` gives beside the nine names.
 */
import { useCredits } from 'livecredits/react'
import { useEffect } from 'react'
import { amountText, dayText } from './amounts'
import { useFlash } from './CreditDisplay'
import { useToast } from './toasts'

export const MINUTES = 'minutes'

export function Balances() {
  return (
    <aside className="balances" aria-label="Balances">
      <UnitCard unit="credits" name="Credits" testId="sidebar-balance" />
      <UnitCard unit={MINUTES} name="Minutes" testId="sidebar-minutes" />
    </aside>
  )
}

interface UnitCardProps {
  readonly unit: string
  readonly name: string
  readonly testId: string
}

function UnitCard({ unit, name, testId }: UnitCardProps) {
  const { credits, held, loading, scale, pending, nextExpiry, cause, user } = useCredits({ unit })
  const flashes = useFlash(credits, loading)
  const { announce } = useToast()

  useEffect(() => {
    if (flashes) announce(`${name}: ${amountText(credits, scale)}`)
  }, [flashes, name, credits, scale, announce])

  return (
    <section className="card unit" data-flash={flashes} aria-label={name}>
      <h2>{name}</h2>
      <p className="number big" data-testid={testId} data-user={user ?? ''} data-pending={pending > 0}>
        {loading ? '…' : amountText(credits, scale)}
      </p>
      <p className="quiet facts">
        {pending > 0 && <span>being confirmed</span>}
        {held > 0 && <span>{amountText(held, scale)} held</span>}
        {nextExpiry !== null && (
          <span>
            {amountText(nextExpiry.amount, scale)} expire {dayText(nextExpiry.at)}
          </span>
        )}
        {pending === 0 && cause !== null && (
          <span>
            {amountText(cause.amount, scale, true)} {cause.label ?? cause.kind}
          </span>
        )}
      </p>
    </section>
  )
}
