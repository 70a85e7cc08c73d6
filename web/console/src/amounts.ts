/**
 * Amounts between what people type and read and the integers that everything else uses.
 *
 * A unit's `scale` is the number of decimal places that people see; the integer 1234567 at scale 6 reads
 * 1.234567. No floating point takes part: digits are moved as text, so an amount survives the round trip
 * exactly up to 2^53 − 1. The odd thing: `Intl.NumberFormat` is given text, which it formats exactly.
 */

/** The largest amount that the service takes. */
export const MAX_AMOUNT = Number.MAX_SAFE_INTEGER

/** What somebody asks for in the edit field: move by so much, or set to so much. */
export type Edit = { verb: 'adjust'; amount: number } | { verb: 'set'; credits: number }

export type Parsed<T> = { ok: true; value: T } | { ok: false; message: string }

const MINUS = '\u2212'

/** Reads `50`, `1,000`, `12.50` (as far as the scale allows) as an integer of the unit's smallest part. */
export function parseAmount(text: string, scale = 0): Parsed<number> {
  const clean = text.trim().replace(MINUS, '-')
  const match = /^(-)?(\d{1,3}(?:[,_\u00a0\u202f ]\d{3})+|\d+)(?:\.(\d+))?$/.exec(clean)
  if (!match) return no('Type a number, like 50')
  const [, sign, whole = '', decimals = ''] = match
  if (decimals.length > scale) {
    return no(scale === 0 ? 'Whole numbers only' : `At most ${scale} decimal places`)
  }
  const value = Number(whole.replace(/\D/g, '') + decimals.padEnd(scale, '0'))
  if (!Number.isSafeInteger(value)) return no(`At most ${formatAmount(MAX_AMOUNT, scale)}`)
  return { ok: true, value: sign && value !== 0 ? -value : value }
}

/** Reads `+50`, `-50`, `=200`; a bare `200` means `=200`, as in the field that it replaces. */
export function parseEdit(text: string, scale = 0): Parsed<Edit> {
  const clean = text.trim().replace(MINUS, '-')
  if (clean === '') return no('Type +50, -50 or =200')
  const verb = clean[0]
  const amount = parseAmount('+-='.includes(verb ?? '') ? clean.slice(1) : clean, scale)
  if (!amount.ok) return amount
  if (verb !== '+' && verb !== '-') return { ok: true, value: { verb: 'set', credits: amount.value } }
  if (amount.value <= 0) return no('Type how much, like +50')
  return { ok: true, value: { verb: 'adjust', amount: verb === '+' ? amount.value : -amount.value } }
}

/** The balance that an edit would leave. */
export function outcome(edit: Edit, credits: number): number {
  return edit.verb === 'set' ? edit.credits : credits + edit.amount
}

/** `1,234.50`: in the reader's own way of writing numbers. */
export function formatAmount(value: number, scale = 0): string {
  return format(value, scale, 'auto')
}

/** `+50`, `−50`, `0`: with the sign in front and a true minus. */
export function formatSigned(value: number, scale = 0): string {
  return format(value, scale, 'exceptZero')
}

const formats = new Map<string, Intl.NumberFormat>()

function format(value: number, scale: number, signDisplay: 'auto' | 'exceptZero'): string {
  const name = `${signDisplay}${scale}`
  let made = formats.get(name)
  if (!made) {
    made = new Intl.NumberFormat(undefined, {
      signDisplay,
      minimumFractionDigits: Math.min(scale, 2),
      maximumFractionDigits: scale,
    })
    formats.set(name, made)
  }
  return made.format(asDecimal(value, scale)).replace('-', MINUS)
}

/** `-1234.50`: digits that a machine reads, as files have them. */
export function plainAmount(value: number, scale = 0): string {
  return asDecimal(value, scale)
}

function asDecimal(value: number, scale: number): Intl.StringNumericLiteral {
  const digits = String(Math.abs(value)).padStart(scale + 1, '0')
  const at = digits.length - scale
  const text = scale === 0 ? digits : `${digits.slice(0, at)}.${digits.slice(at)}`
  return `${value < 0 ? '-' : ''}${text}` as Intl.StringNumericLiteral
}

function no(message: string): { ok: false; message: string } {
  return { ok: false, message }
}
