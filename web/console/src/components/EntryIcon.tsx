/** The icon and the words for each kind of entry; the words are the glossary's. */
import {
  IconAdjustments,
  IconArrowBackUp,
  IconArrowsExchange,
  IconCircleDot,
  IconClockX,
  IconEqual,
  IconGift,
  IconLock,
  IconLockCheck,
  IconLockOpen,
  IconPackage,
  IconShoppingCart,
  IconTicket,
} from '@tabler/icons-react'

export const KINDS = [
  'adjust',
  'set',
  'grant',
  'spend',
  'hold',
  'capture',
  'release',
  'expire',
  'reverse',
  'transfer',
  'redeem',
  'fulfil',
] as const

const icons: Record<string, typeof IconGift> = {
  adjust: IconAdjustments,
  set: IconEqual,
  grant: IconGift,
  spend: IconShoppingCart,
  hold: IconLock,
  capture: IconLockCheck,
  release: IconLockOpen,
  expire: IconClockX,
  reverse: IconArrowBackUp,
  transfer: IconArrowsExchange,
  redeem: IconTicket,
  fulfil: IconPackage,
}

export function EntryIcon({ kind }: { kind: string }) {
  const Icon = icons[kind] ?? IconCircleDot
  return <Icon size={16} stroke={1.8} aria-hidden />
}

export function kindName(kind: string): string {
  return kind.charAt(0).toUpperCase() + kind.slice(1)
}
