/**
 * How amounts are read by people. Promise: exact, whatever the scale, since the decimal text is built from the
 * integer and never by division.
 */

/** `1234` with scale 2 → `"12.34"`, without grouping. */
export function decimalText(amount: number, scale: number): string {
  if (scale === 0) return String(amount)
  const digits = String(Math.abs(amount)).padStart(scale + 1, '0')
  const sign = amount < 0 ? '-' : ''
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** The amount in the reader's own language; with `signed`, a plus or a minus always stands before it. */
export function amountText(amount: number, scale = 0, signed = false): string {
  return new Intl.NumberFormat(undefined, {
    minimumFractionDigits: scale,
    maximumFractionDigits: scale,
    signDisplay: signed ? 'exceptZero' : 'auto',
  })
    .format(decimalText(amount, scale) as `${number}`)
    .replace('-', '−') // as wide as the plus, so that columns of signed numbers stand still
}

/** A price in the reader's language: `900`, `EUR` → `€9.00`. Exact, since the currency's places move a point in a text. */
export function priceText(minor: number, currency: string): string {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency })
  const { maximumFractionDigits = 0 } = format.resolvedOptions()
  return format.format(decimalText(minor, maximumFractionDigits) as `${number}`)
}

const DAY_S = 86_400

/** How long credits hold: `365 days`; shorter than a day in hours. */
export function spanText(seconds: number): string {
  const [unit, length] = seconds >= DAY_S ? (['day', DAY_S] as const) : (['hour', 3_600] as const)
  const options = { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 } as const
  return new Intl.NumberFormat(undefined, options).format(seconds / length)
}

/** A moment as a time of day, for "since". */
export const timeText = (at: number): string =>
  new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' }).format(at)

/** A moment as day and time, for lists. */
export const momentText = (at: string | number, now = new Date()): string =>
  dated(at, now, { hour: 'numeric', minute: '2-digit' })

/** A moment as a day. */
export const dayText = (at: string | number, now = new Date()): string => dated(at, now, {})

/** The year stands there only where it is another one. */
function dated(at: string | number, now: Date, time: Intl.DateTimeFormatOptions): string {
  const moment = new Date(at)
  const year = moment.getFullYear() === now.getFullYear() ? {} : ({ year: 'numeric' } as const)
  return new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', ...year, ...time }).format(
    moment,
  )
}
