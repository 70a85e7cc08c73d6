/**
 * Names from right to left inside sentences from left to right.
 *
 * Where a name stands alone on the screen it stands in a `<bdi>`, so that copying takes nothing but the name. In a
 * sentence, a title or a label there are no elements: there the name goes through `isolated`, which wraps it in the
 * marks that Unicode has for this. A name that could not turn anything round stays as it is.
 */

/** Letters from right to left, and the marks that turn what follows them. */
const TURNS =
  /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u
const FIRST_STRONG_ISOLATE = '\u2068'
const POP_ISOLATE = '\u2069'

/** The name, unable to change the order of what stands around it. */
export function isolated(name: string): string {
  return TURNS.test(name) ? `${FIRST_STRONG_ISOLATE}${name}${POP_ISOLATE}` : name
}
