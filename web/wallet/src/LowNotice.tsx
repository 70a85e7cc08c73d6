/**
 * Says that the credits run low, and where there are more. Whether they do is the ledger's word (`low`): the operators
 * set the threshold for the unit, and may set another one for a user.
 */
import { useCredits } from 'livecredits/react'

export function LowNotice({ at }: { at: string }) {
  const { low, loading } = useCredits()
  if (!low || loading) return null
  return (
    <p className="low-notice" data-testid="low-notice">
      <span aria-hidden="true" className="low-sign">
        !
      </span>
      Your credits run low.{at !== '#/shop' && <a href="#/shop">Get more in the shop</a>}
    </p>
  )
}
