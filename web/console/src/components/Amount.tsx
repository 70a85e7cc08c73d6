/**
 * A movement of credits: sign, icon and text together, so that colour is never the only carrier.
 */
import { IconArrowDownRight, IconArrowUpRight, IconMinus } from '@tabler/icons-react'
import { formatSigned } from '../amounts'

export function Amount({ value, scale }: { value: number; scale: number }) {
  const Icon = value > 0 ? IconArrowUpRight : value < 0 ? IconArrowDownRight : IconMinus
  const tone = value > 0 ? 'added' : value < 0 ? 'taken' : 'level'
  return (
    <span className={`amount ${tone}`}>
      <Icon size={14} stroke={2.2} aria-hidden />
      <span className="numeral">{formatSigned(value, scale)}</span>
    </span>
  )
}
