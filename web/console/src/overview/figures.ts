/**
 * What the Overview makes of the server's figures: today's beginning, the two stacks of each hour, words for times.
 *
 * Pure. A reversal that gave back stands with what came in, one that took back with what went; so each bar is what
 * the hour did to balances.
 */
import type { Hour } from '../installation'

/** When the reader's day began, as the server wants it. */
export function dayStart(now: Date = new Date()): string {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate()).toISOString()
}

export const PARTS = ['granted', 'back', 'spent', 'expired', 'taken'] as const
export type Part = (typeof PARTS)[number]

export const LABELS: Record<Part, string> = {
  granted: 'Granted',
  back: 'Given back',
  spent: 'Spent',
  expired: 'Expired',
  taken: 'Taken back',
}

export interface Bar {
  at: string
  parts: Record<Part, number>
  up: number
  down: number
}

export function barOf(hour: Hour): Bar {
  const back = Math.max(hour.reversed, 0)
  const taken = hour.taken + Math.max(-hour.reversed, 0)
  return {
    at: hour.at,
    parts: { granted: hour.granted, back, spent: hour.spent, expired: hour.expired, taken },
    up: hour.granted + back,
    down: hour.spent + hour.expired + taken,
  }
}

/** At most so many bars are cut. */
const CUT_MOST = 3
/** A bar that is so many times the next one leaves nothing to be seen of it. */
const DWARFS = 4
const ROOM = 1.5

/**
 * Up to where bars are drawn: the largest amount, or less where a few bars would dwarf all others (a whole month's
 * allowances granted in one hour). Those are drawn cut, and say so.
 */
export function ceilingOf(bars: readonly Bar[]): number {
  const amounts = bars
    .flatMap(({ up, down }) => [up, down])
    .filter((amount) => amount > 0)
    .sort((a, b) => b - a)
  for (let cut = Math.min(CUT_MOST, amounts.length - 1); cut > 0; cut--) {
    const next = amounts[cut] ?? 0
    if ((amounts[cut - 1] ?? 0) > DWARFS * next) return next * ROOM
  }
  return amounts[0] ?? 1
}

/** `14 ms`, `1.2 s`: three digits are enough to judge by. */
export function milliseconds(ms: number): string {
  if (ms < 10) return `${Number(ms.toPrecision(2))} ms`
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toPrecision(3))} s`
}

const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 })

/** Never rounded up to the whole: 99.97 % is not all. */
export function share(within: number): string {
  return percent.format(within < 1 ? Math.min(within, 0.999) : 1)
}
