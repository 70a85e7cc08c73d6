/** Names from right to left in sentences: wrapped where they could turn something round, else left alone. */
import { expect, it } from 'vitest'
import { isolated } from '../src/bidi'

it.each(['דנה', 'سارة 7', 'x\u202eyz', '\u{1e900}'])('isolates %j', (name) => {
  expect(isolated(name)).toBe(`\u2068${name}\u2069`)
})

it.each(['', 'ada', 'Ada Byron', 'Žofia', '田中', 'o’brien-7', '🦊'])('leaves %j as it is', (name) => {
  expect(isolated(name)).toBe(name)
})
