/** The one live region: whatever floods in, it speaks at most once every two seconds, and loses nothing. */
import { act, render } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Announcer, announce, forgetAnnouncements } from '../src/announce'

const STEP_MS = 10

beforeEach(() => {
  vi.useFakeTimers()
  forgetAnnouncements()
})
afterEach(() => vi.useRealTimers())

/** Lets time pass and notes what the region says, each with its moment in ms. */
function listen() {
  const { container } = render(<Announcer />)
  const said: { at: number; text: string }[] = []
  const pass = (ms: number) => {
    for (let past = 0; past < ms; past += STEP_MS) {
      act(() => vi.advanceTimersByTime(STEP_MS))
      const text = container.textContent ?? ''
      if (text !== (said.at(-1)?.text ?? '')) said.push({ at: Date.now(), text })
    }
  }
  return { said, pass }
}

it('speaks at once, then once in two seconds, however many balances change', () => {
  const { said, pass } = listen()
  let next = 0
  // Never the same number twice in a row, so that no sentence is like the one before.
  for (let round = 0; round < 6; round++) {
    for (let at = 0; at < 50 + round; at++) announce(`user ${at}: ${next++}`, 'balances')
    pass(2000)
  }
  pass(4000)
  const counts = said.map(({ text }) => Number(/^(\d+) balances changed$/.exec(text)?.[1] ?? 0))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(next)
  expect(said).toHaveLength(6)
  for (const [at, one] of said.entries()) {
    const before = said[at - 1]
    if (before) expect(one.at - before.at).toBeGreaterThanOrEqual(2000 - STEP_MS)
  }
})

it('holds back what comes within the two seconds, and says it in one breath', () => {
  const { said, pass } = listen()
  announce('Order fulfilled')
  pass(50)
  for (let at = 0; at < 9; at++) announce(`user ${at}: 1`, 'balances')
  announce('Filter Low saved')
  pass(1900)
  expect(said.map(({ text }) => text)).toEqual(['Order fulfilled'])
  pass(200)
  expect(said.map(({ text }) => text)).toEqual(['Order fulfilled', 'Filter Low saved. 9 balances changed'])
})
