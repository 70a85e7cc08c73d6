/** Amounts are exact decimals, whatever the scale. */
import { describe, expect, it } from 'vitest'
import { amountText, dayText, decimalText } from '../src/amounts'

describe('decimalText', () => {
  it.each([
    [0, 0, '0'],
    [1234, 0, '1234'],
    [0, 2, '0.00'],
    [5, 2, '0.05'],
    [-5, 2, '-0.05'],
    [1234, 2, '12.34'],
    [-1234, 2, '-12.34'],
    [Number.MAX_SAFE_INTEGER, 6, '9007199254.740991'],
  ])('%d with scale %d reads %s', (amount, scale, text) => {
    expect(decimalText(amount, scale)).toBe(text)
  })
})

it('keeps every digit of the largest amount', () => {
  expect(amountText(Number.MAX_SAFE_INTEGER, 6).replace(/\D/g, '')).toBe('9007199254740991')
})

it('signs a change, but not a zero', () => {
  expect(amountText(50, 0, true)).toBe('+50')
  expect(amountText(-50, 0, true)).toMatch(/^[-−]50$/)
  expect(amountText(0, 0, true)).toBe('0')
})

it('names the year of a day only where it is another one', () => {
  const now = new Date(2026, 10, 23)
  expect(dayText('2026-12-24T12:00:00Z', now)).toBe('Dec 24')
  expect(dayText('2027-01-02T12:00:00Z', now)).toBe('Jan 2, 2027')
})
