/**
 * The entry `livecredits/vouchers`: how a voucher's code is read and spelled, for fields in which people type one.
 * Pure, and of no use to a page without such a field; the core never loads it by itself.
 *
 * Promise: a code is read exactly as the service reads it (`core/vouchers.py`; `conformance/vouchers.json` holds
 * the two together): case, dashes and blanks do not matter, and neither do look-alikes. Every single wrong symbol
 * of a generated code, and every two that changed places, is found without asking the service.
 *
 * The odd one: a chosen word (`WELCOME10`) is told from a generated code by its length alone. From 17 symbols on the
 * last one is a check symbol. 16 are a code that lost one, but for words from when those were longer: the service knows.
 */

/** Crockford's Base32: no I, L, O and U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ALIKE: Readonly<Record<string, string>> = { O: '0', I: '1', L: '1', U: 'V' }
/** Blanks, line breaks, dashes and quotes of every kind, and what no eye sees: mails and documents put them into codes. */
const BETWEEN =
  /[\t-\r "'`\-\u00a0\u00ab\u00ad\u00bb\u1680\u2000-\u206f\u2212\u3000\ufe58\ufe63\ufeff\uff0d]/g
const WORD_MOST = 16
const CODE_LENGTH = 17
const GROUP = /.{4}|.+/g
const TYPED_MOST = 64

/**
 * What can be said of a code without asking the service.
 *
 * - `empty`: nothing was typed · `foreign`: it holds a character that is in no code, or is too long
 * - `open`: a word, or not all of a generated code yet; only the service knows
 * - `good`: the check symbol is right · `wrong`: it is not: a typing error, or something is missing
 */
export type CodeState = 'empty' | 'foreign' | 'open' | 'good' | 'wrong'

export interface VoucherCode {
  readonly state: CodeState
  /** The symbols that the service looks up; null where no code can be meant. */
  readonly symbols: string | null
  /** As people see it, in groups: `SUMMER-7K2M-9QXA-04TZ-HHN3-W`. What was typed, where it is no generated code. */
  readonly text: string
}

/** Reads what somebody typed or pasted. */
export function readVoucherCode(typed: string): VoucherCode {
  const raw = typed.replace(BETWEEN, '').replace(/[a-z]+/g, (small) => small.toUpperCase())
  const symbols = raw.replace(/[OILU]/g, (symbol) => ALIKE[symbol] ?? symbol)
  const isCode = [...typed].length <= TYPED_MOST && [...symbols].every((symbol) => ALPHABET.includes(symbol))
  if (!symbols) return { state: 'empty', symbols: null, text: '' }
  if (!isCode) return { state: 'foreign', symbols: null, text: typed }
  if (symbols.length <= WORD_MOST) return { state: 'open', symbols, text: typed.trim().toUpperCase() }
  const state = sumOf(symbols) === 0 ? 'good' : 'wrong'
  // The prefix stands as it was typed: SUMMER is read as SVMMER, but nobody wants to see that.
  const prefix = raw.slice(0, -CODE_LENGTH)
  const groups = symbols.slice(-CODE_LENGTH).match(GROUP) ?? []
  return { state, symbols, text: [...(prefix ? [prefix] : []), ...groups].join('-') }
}

/** The sum of value × 2^place over GF(32) (x⁵ + x² + 1); a right check symbol makes it zero. */
function sumOf(symbols: string): number {
  let total = 0
  for (const symbol of symbols) {
    const doubled = total << 1
    total = (doubled & 32 ? doubled ^ 0b100101 : doubled) ^ ALPHABET.indexOf(symbol)
  }
  return total
}
