/**
 * Prices between what people type and read and the integers of a currency's smallest part.
 *
 * How many decimal places a currency has is what `Intl` knows of it (USD 2, JPY 0, KWD 3). Like credits, prices
 * never become floating point.
 */
import { MAX_AMOUNT, type Parsed, parseAmount, typedAmount } from './amounts'

/** Usual ones first; any ISO 4217 code can be typed. */
export const CURRENCIES = ['EUR', 'USD', 'GBP', 'CHF', 'JPY', 'PLN', 'SEK', 'CAD', 'AUD', 'INR', 'BRL']

/** Whether this browser knows the currency. */
export function isCurrency(code: string): boolean {
  return /^[A-Z]{3}$/.test(code) && formatOf(code) !== undefined
}

export function formatPrice(minor: number, currency: string): string {
  const format = formatOf(currency)
  if (!format) return `${minor} ${currency}`
  return format.format(asDecimal(minor, placesOf(currency)))
}

/** `49.90` in EUR is 4990. */
export function parsePrice(text: string, currency: string): Parsed<number> {
  const parsed = parseAmount(text, placesOf(currency))
  if (parsed.ok && (parsed.value < 0 || parsed.value > MAX_AMOUNT)) {
    return { ok: false, message: 'A price is not negative' }
  }
  return parsed
}

/** The price as it stands in a field. */
export function typedPrice(minor: number, currency: string): string {
  return typedAmount(minor, placesOf(currency))
}

function placesOf(currency: string): number {
  return formatOf(currency)?.resolvedOptions().maximumFractionDigits ?? 2
}

const formats = new Map<string, Intl.NumberFormat | undefined>()

function formatOf(currency: string): Intl.NumberFormat | undefined {
  if (!formats.has(currency)) formats.set(currency, make(currency))
  return formats.get(currency)
}

function make(currency: string): Intl.NumberFormat | undefined {
  try {
    return new Intl.NumberFormat(undefined, { style: 'currency', currency })
  } catch {
    return undefined
  }
}

function asDecimal(minor: number, places: number): Intl.StringNumericLiteral {
  const digits = String(Math.abs(minor)).padStart(places + 1, '0')
  const at = digits.length - places
  const text = places === 0 ? digits : `${digits.slice(0, at)}.${digits.slice(at)}`
  return `${minor < 0 ? '-' : ''}${text}` as Intl.StringNumericLiteral
}
