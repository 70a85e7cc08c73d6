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

/** How a language writes numbers: what stands between groups and before decimals, and its ten digits. */
export interface Signs {
  readonly group: string
  readonly decimal: string
  readonly digits: string
}

/** The signs of a language; the reader's own by default. */
export function signsOf(language?: string): Signs {
  const parts = new Intl.NumberFormat(language, { useGrouping: true }).formatToParts(1234567.5)
  const sign = (type: string) => parts.find((part) => part.type === type)?.value ?? ''
  const digits = new Intl.NumberFormat(language, { useGrouping: false }).format(9876543210)
  return { group: sign('group'), decimal: sign('decimal') || '.', digits: [...digits].reverse().join('') }
}

/** As files have numbers: digits, and a point before decimals. */
export const PLAIN: Signs = { group: '', decimal: '.', digits: '0123456789' }
const OWN = signsOf()

/**
 * Reads `50`, `1,000`, `12.50` (as far as the scale allows) as an integer of the unit's smallest part.
 *
 * Whatever `formatAmount` shows is read back as the same number: in German `1.500,5` is one thousand five hundred
 * and a half, and `1.5` is no number, since nobody can say whether a point was meant as a group or as a decimal.
 */
export function parseAmount(text: string, scale = 0, signs: Signs = OWN): Parsed<number> {
  const match = splitterOf(signs).exec(latin(text, signs))
  if (!match) return no(`Type a number, like ${scale ? `50${signs.decimal}25` : '50'}`)
  const [, sign, whole = '', decimals = ''] = match
  if (decimals.length > scale) {
    return no(scale === 0 ? 'Whole numbers only' : `At most ${scale} decimal places`)
  }
  const value = Number(whole.replace(/\D/g, '') + decimals.padEnd(scale, '0'))
  if (!Number.isSafeInteger(value)) return no(`At most ${formatAmount(MAX_AMOUNT, scale)}`)
  return { ok: true, value: sign && value !== 0 ? -value : value }
}

/** Groups of three, or two as in India, between signs that groups may have; then decimals. */
function splitterOf({ group, decimal }: Signs): RegExp {
  const between = group ? `[${escaped(group)}_'\u2019\u00a0\u202f ]` : '(?!)'
  const point = group === '.' ? escaped(decimal) : `[.${escaped(decimal)}]`
  return new RegExp(`^(-)?(\\d{1,3}(?:${between}\\d{2,3})*${between}\\d{3}|\\d+)(?:${point}(\\d+))?$`)
}

function escaped(sign: string): string {
  return sign.replace(/[.\\^$*+?()[\]{}|-]/g, '\\$&')
}

/** The text with Latin digits and a plain minus, without the marks of writing direction. */
function latin(text: string, { digits }: Signs): string {
  const bare = text
    .trim()
    .replace(/[\u061c\u200e\u200f]/g, '')
    .replace(MINUS, '-')
  return [...bare].map((each) => (digits.includes(each) ? String(digits.indexOf(each)) : each)).join('')
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

const brief = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 2 })
const BRIEF_FROM = 100_000

/** `1.5M`, `9,000`: for the marks of an axis, where there is room for some six signs. */
export function formatBriefly(value: number, scale = 0): string {
  const decimal = value / 10 ** scale
  return Math.abs(decimal) < BRIEF_FROM
    ? formatAmount(value, scale)
    : brief.format(decimal).replace('-', MINUS)
}

/** `1 order`, `1,204 orders`. */
export function counted(count: number, noun: string): string {
  return `${formatAmount(count)} ${noun}${count === 1 ? '' : 's'}`
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

/** `1234.50` with the reader's own decimal sign and no groups: an amount as it stands in a field to be edited. */
export function typedAmount(value: number, scale = 0): string {
  return asDecimal(value, scale).replace('.', OWN.decimal)
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
