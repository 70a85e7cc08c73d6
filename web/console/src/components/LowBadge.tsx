/** The balance is at or below the threshold of the user, or of the unit. */
import { IconBattery1 } from '@tabler/icons-react'

export function LowBadge() {
  return (
    <span className="chip low">
      <IconBattery1 size={13} aria-hidden /> Low
    </span>
  )
}
