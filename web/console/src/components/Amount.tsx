/**
 * A movement of credits: sign, icon and text together, so that colour is never the only carrier.
 */
import { IconArrowDownRight, IconArrowUpRight, IconLock, IconMinus } from '@tabler/icons-react'
import { formatSigned } from '../amounts'

interface Props {
  value: number
  scale: number
  /** Only set aside or given back: nothing was gained or lost. */
  held?: boolean
}

export function Amount({ value, scale, held = false }: Props) {
  const arrow = value > 0 ? IconArrowUpRight : value < 0 ? IconArrowDownRight : IconMinus
  const Icon = held ? IconLock : arrow
  const tone = held ? 'held' : value > 0 ? 'added' : value < 0 ? 'taken' : 'level'
  return (
    <span className={`amount ${tone}`}>
      <Icon size={14} stroke={2.2} aria-hidden />
      <span className="numeral">{formatSigned(value, scale)}</span>
    </span>
  )
}
