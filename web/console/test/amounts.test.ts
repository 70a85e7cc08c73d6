/** What people type and read, against the integers behind it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  counted,
  formatAmount,
  formatBriefly,
  formatSigned,
  MAX_AMOUNT,
  outcome,
  PLAIN,
  parseAmount,
  parseEdit,
  signsOf,
} from '../src/amounts'

const value = (text: string, scale = 0) => {
  const parsed = parseAmount(text, scale)
  return parsed.ok ? parsed.value : parsed.message
}

describe('amounts', () => {
  it.each([
    ['50', 0, 50],
    ['1,000', 0, 1000],
    ['1 000 000', 0, 1_000_000],
    ['-12', 0, -12],
    ['−12', 0, -12],
    ['12.5', 2, 1250],
    ['0.000001', 6, 1],
    ['9007199254740991', 0, MAX_AMOUNT],
  ])('reads %s at scale %i as %i', (text, scale, expected) => expect(value(text, scale)).toBe(expected))

  it.each([
    ['', 0],
    ['1e3', 0],
    ['NaN', 0],
    ['1,00', 0],
    ['--1', 0],
    ['0x10', 0],
    ['9007199254740992', 0],
    ['1.5', 0],
    ['1.005', 2],
  ])('refuses %j at scale %i with a sentence', (text, scale) =>
    expect(value(text, scale)).toMatch(/[a-z]{3}/),
  )

  it('survives the way to the screen and back, exactly, at every scale', () => {
    const amounts = fc.integer({ min: -MAX_AMOUNT, max: MAX_AMOUNT })
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: 9 }), (amount, scale) => {
        expect(value(formatAmount(amount, scale), scale)).toBe(amount)
      }),
    )
  })

  it.each(['en-US', 'de-DE', 'de-CH', 'fr-FR', 'es-ES', 'hi-IN', 'ar-EG', 'fa-IR', 'pt-PT', 'sv-SE'])(
    'reads in %s what it shows there',
    (language) => {
      const signs = signsOf(language)
      for (const [amount, scale] of [
        [1500, 0],
        [150_050, 2],
        [-1_234_567, 0],
        [1_234_567, 6],
      ] as const) {
        const format = new Intl.NumberFormat(language, { maximumFractionDigits: scale })
        const shown = format.format(amount / 10 ** scale)
        expect(parseAmount(shown, scale, signs), shown).toEqual({ ok: true, value: amount })
      }
    },
  )

  it('takes no German point for a decimal, and no group for one in files', () => {
    expect(parseAmount('1.5', 1, signsOf('de-DE')).ok).toBe(false)
    expect(parseAmount('1.500', 3, signsOf('de-DE'))).toEqual({ ok: true, value: 1_500_000 })
    expect(parseAmount('1,000', 0, PLAIN).ok).toBe(false)
    expect(parseAmount('1.5', 1, PLAIN)).toEqual({ ok: true, value: 15 })
  })

  it('shows signs of movements, with a true minus', () => {
    expect([formatSigned(50), formatSigned(-50), formatSigned(0)]).toEqual(['+50', '−50', '0'])
    expect(formatAmount(1_234_567, 6)).toBe('1.234567')
    expect(formatAmount(500, 2)).toBe('5.00')
  })
})

describe('edits', () => {
  it.each([
    ['+50', { verb: 'adjust', amount: 50 }],
    ['-50', { verb: 'adjust', amount: -50 }],
    ['=200', { verb: 'set', credits: 200 }],
    ['200', { verb: 'set', credits: 200 }],
    ['= -5', { verb: 'set', credits: -5 }],
  ])('reads %s', (text, edit) => expect(parseEdit(text)).toEqual({ ok: true, value: edit }))

  it.each(['', '+', '+0', '-0', '++5', '+-5', '=', 'abc'])('refuses %j', (text) =>
    expect(parseEdit(text).ok).toBe(false),
  )

  it('knows what it would leave', () => {
    expect(outcome({ verb: 'adjust', amount: -30 }, 100)).toBe(70)
    expect(outcome({ verb: 'set', credits: 5 }, 100)).toBe(5)
  })
})

it.each([
  [9000, 0, '9,000'],
  [99_999, 0, '99,999'],
  [1_500_000, 0, '1.5M'],
  [-5_007_199_254_740_991, 0, '−5007.2T'],
  [1_234_500, 2, '12,345.00'],
])('marks %d of scale %d on an axis as %s', (amount, scale, text) =>
  expect(formatBriefly(amount, scale)).toBe(text),
)

it('counts in words', () => {
  expect(counted(1, 'order')).toBe('1 order')
  expect(counted(1204, 'order')).toBe('1,204 orders')
})
