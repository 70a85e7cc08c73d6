/** On how many screens a change has been painted, counting up while a toast is looked at. */
import { IconDeviceDesktop, IconDeviceDesktopCheck } from '@tabler/icons-react'
import { countsText, useCounts } from '../receipts'

export default function ShownOn({ entry }: { entry: string }) {
  const counts = useCounts(entry)
  if (!counts) return null
  const all = counts.open > 0 && counts.shown === counts.open
  const Icon = all ? IconDeviceDesktopCheck : IconDeviceDesktop
  return (
    <span className="shown-on numeral" data-all={all || undefined} data-testid="shown-on">
      <Icon size={15} aria-hidden /> {countsText(counts)}
    </span>
  )
}
