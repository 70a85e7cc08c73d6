/** Who has seen a broadcast, each class with its icon, number and word; what is behind stands out. */
import {
  IconAlertTriangle,
  IconCheck,
  IconDeviceDesktop,
  IconEyeOff,
  IconMinus,
  IconPlugConnectedX,
  IconQuestionMark,
  IconZzz,
} from '@tabler/icons-react'
import type { Counts } from '../receipts'
import type { Sight } from './log'

type State = Sight['state']

export const STATE_ICONS: Record<State, typeof IconCheck> = {
  shown: IconCheck,
  behind: IconAlertTriangle,
  hidden: IconEyeOff,
  asleep: IconZzz,
  gone: IconPlugConnectedX,
}

const NOT_SHOWN = ['behind', 'hidden', 'asleep', 'gone'] as const

export function ScreenCounts({ counts }: { counts: Counts | null }) {
  if (counts === null) return <Nothing icon={IconQuestionMark}>not counted</Nothing>
  if (counts.off) return <Nothing icon={IconMinus}>receipts are off</Nothing>
  if (counts.open === 0) return <Nothing icon={IconMinus}>no screen was open</Nothing>
  const { open, shown, counted } = counts
  const things = open === 1 ? counted.replace(/s$/, '') : counted
  // A ✓ is for all of them.
  const Icon = shown === open ? IconCheck : IconDeviceDesktop
  return (
    <span className="seen">
      <span className="seen-class numeral" data-state={shown === open ? 'shown' : 'part'}>
        <Icon size={14} aria-hidden /> {`shown on ${shown} of ${open} ${things}`}
      </span>
      {NOT_SHOWN.filter((state) => counts[state] > 0).map((state) => (
        <StateChip key={state} state={state} text={`${counts[state]} ${state}`} />
      ))}
    </span>
  )
}

export function StateChip({ state, text }: { state: State; text: string }) {
  const Icon = STATE_ICONS[state]
  return (
    <span className="seen-class numeral" data-state={state}>
      <Icon size={14} aria-hidden /> {text}
    </span>
  )
}

function Nothing({ icon: Icon, children }: { icon: typeof IconCheck; children: string }) {
  return (
    <span className="seen-class dimmed">
      <Icon size={14} aria-hidden /> {children}
    </span>
  )
}
