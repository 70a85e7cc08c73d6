// @vitest-environment node
/**
 * A voucher's code is read as the service reads it (the vectors come from there), and spelled as people see it.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readVoucherCode } from '../src/vouchers.js'

const file = new URL('../../../conformance/vouchers.json', import.meta.url)
const { good, wrong, lost, foreign } = JSON.parse(readFileSync(file, 'utf8')) as {
  good: [string, string][]
  wrong: string[]
  lost: string[]
  foreign: string[]
}

test('every spelling of a code is the symbols that the service looks up', () => {
  expect(good.length).toBeGreaterThan(500)
  for (const [typed, symbols] of good) {
    const code = readVoucherCode(typed)
    expect([typed, code.symbols]).toEqual([typed, symbols])
    expect(code.state).toBe(symbols.length > 16 ? 'good' : 'open')
  }
})

test('every typing error is found without asking', () => {
  for (const typed of wrong) expect([typed, readVoucherCode(typed).state]).toEqual([typed, 'wrong'])
})

test('a code that has lost a symbol is for the service to judge, which knows all words', () => {
  expect(lost.length).toBeGreaterThan(16)
  for (const typed of lost) expect(readVoucherCode(typed)).toMatchObject({ state: 'open', symbols: typed })
})

test('what can be no code is told apart from nothing', () => {
  for (const typed of foreign) {
    const { state, symbols } = readVoucherCode(typed)
    expect([typed, symbols]).toEqual([typed, null])
    expect(state).toBe(/[^- ]/.test(typed) && typed.length <= 64 ? 'foreign' : state)
  }
  expect(readVoucherCode(' - ').state).toBe('empty')
})

describe('the text', () => {
  const [code] = good[0] as [string, string]
  test('is the grouped code, however it was typed', () => {
    for (const typed of [
      code,
      code.toLowerCase(),
      code.replaceAll('-', ''),
      ` ${code.replaceAll('-', ' ')}`,
    ]) {
      expect(readVoucherCode(typed).text).toBe(code)
    }
  })

  test('keeps a prefix as it is printed, look-alikes included', () => {
    const [typed] = good.find(([one]) => one.startsWith('SUMMER-')) as [string, string]
    expect(readVoucherCode(typed.toLowerCase()).text).toBe(typed)
  })

  test('read again is the same', () => {
    for (const [typed] of good) {
      const { text, symbols } = readVoucherCode(typed)
      expect(readVoucherCode(text)).toMatchObject({ text, symbols })
    }
  })

  test('is left alone while a word may be meant', () => {
    expect(readVoucherCode(' welcome10 ').text).toBe('WELCOME10')
  })
})
