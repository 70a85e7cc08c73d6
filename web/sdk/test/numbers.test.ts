// @vitest-environment node
/**
 * No silent number damage: every amount that the service may send arrives exact, and one that JavaScript
 * cannot keep exact is refused whole, never rounded onto a screen. Texts are made by hand where
 * `JSON.stringify` would do the damage itself.
 */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseFrame, type StateFrame } from '../src/frames.js'
import { newKey } from '../src/keys.js'
import { createStore } from '../src/store.js'
import { World } from './world.js'

const text = (settled: string, { version = '1', held = '0', available = settled } = {}) =>
  `{"type":"state","epoch":"ep_1","user":"ada","unit":"credits","version":${version},` +
  `"balance":{"settled":${settled},"held":${held},"available":${available}},"credits":${available},"scale":0,` +
  '"next_expiry":null,"changed_at":null,"cause":null,"keys":[]}'

const MAX = 2n ** 53n - 1n

test('10,000 integers of the whole range come through digit by digit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -MAX, max: MAX }), (amount) => {
      const frame = parseFrame(text(String(amount))) as StateFrame
      expect(BigInt(frame.balance.settled)).toBe(amount)
      expect(JSON.stringify(frame.balance.settled)).toBe(String(amount))
    }),
    { numRuns: 10_000, examples: [[MAX], [-MAX], [0n], [-1n], [12_345_678_901_234_567n % MAX]] },
  )
})

test('10,000 integers beyond the range are refused, though JSON.parse would round them', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: MAX + 1n, max: 2n ** 70n }), fc.boolean(), (amount, negative) => {
      expect(() => parseFrame(text(`${negative ? '-' : ''}${amount}`))).toThrow(RangeError)
    }),
    {
      numRuns: 10_000,
      examples: [
        [MAX + 1n, false],
        [MAX + 2n, true],
        [2n ** 63n, false],
        [99_999_999_999_999_999n, false],
      ],
    },
  )
})

describe('what is no integer is refused', () => {
  test.each(['0.5', '1e400', '-0.1', 'true', 'null', '"5"', '[5]', '{}', '1e17'])('%s', (amount) => {
    expect(() => parseFrame(text(amount))).toThrow(RangeError)
  })

  test.each(['NaN', '٥', '0x10', '01', '+1', ''])('%s is not even JSON', (amount) => {
    expect(() => parseFrame(text(amount))).toThrow(SyntaxError)
  })

  test('in any of the numbers, and in a hello', () => {
    expect(() => parseFrame(text('1', { version: '9007199254740993' }))).toThrow(RangeError)
    expect(() => parseFrame(text('1', { held: '0.5' }))).toThrow(RangeError)
    const hello = `{"type":"hello","epoch":"ep_1","user":"ada","accounts":[${text('1')},${text('9007199254740993')}]}`
    expect(() => parseFrame(hello)).toThrow(RangeError)
  })
})

test('a damaged frame never reaches the screen, and the connection lives on', async () => {
  const world = new World()
  world.server.commit('ada', 100)
  const tab = world.openTab()
  const store = createStore({ url: '', user: 'ada', getToken: () => 'screen:ada' }, tab.environment)
  store.subscribe(() => {})
  await world.pass(50)
  tab.sockets[0]?.receive(text('9007199254740993', { version: '2' }))
  tab.sockets[0]?.receive('{"type":"state"')
  await world.pass(50)
  expect(store.getSnapshot()).toMatchObject({ credits: 100, status: 'live', error: { code: 'unreadable' } })
  world.server.change('ada', 1)
  await world.pass(50)
  expect(store.getSnapshot().credits).toBe(101)
})

test('a damaged answer of HTTP is refused as well', async () => {
  const world = new World()
  world.server.commit('ada', 100)
  const tab = world.openTab()
  const store = createStore({ url: '', user: 'ada', getToken: () => 'screen:ada' }, tab.environment)
  const { balance: _, ...rest } = world.server.state('ada')
  const body = JSON.stringify({ ...rest, user_id: 'ada', version: 2 })
  const damaged = '"balance":{"settled":9007199254740993,"held":0,"available":9007199254740993}}'
  world.server.nextAnswer = new Response(`${body.slice(0, -1)},${damaged}`)
  await store.refresh()
  expect(store.getSnapshot()).toMatchObject({ credits: 0, version: 0 })
  expect(store.getSnapshot().error?.detail).toContain('inexact')
})

const amounts = new URL('../../../conformance/amounts.json', import.meta.url)

test('the amounts that Python wrote are read as Python meant them', () => {
  const { good = [], bad = [] } = JSON.parse(readFileSync(amounts, 'utf8')) as Record<string, string[]>
  for (const amount of good) {
    expect(String((parseFrame(text(amount)) as StateFrame).balance.settled)).toBe(amount)
  }
  for (const amount of bad) expect(() => parseFrame(text(amount)), amount).toThrow()
})

test('keys are long, unlike each other, and need nothing that plain HTTP lacks', () => {
  const keys = Array.from({ length: 1_000 }, newKey)
  expect(new Set(keys).size).toBe(1_000)
  for (const key of keys) expect(key).toMatch(/^\d+(-\d+){3}$/)
})
