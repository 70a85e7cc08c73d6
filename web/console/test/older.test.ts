/** Answers of older nodes: what they lack is filled in, what they have stays. */
import { expect, it } from 'vitest'
import { completed } from '../src/older'

interface Row {
  id: string
  run?: string | null
}
interface Answer {
  total?: number
  screens: { open: number; exact?: boolean }
  items: Row[]
}

const LACKING = { total: 0, screens: { exact: true }, items: [{ run: null }] } as const

it('fills in what is missing, at any depth and in every row', () => {
  const old: Answer = { screens: { open: 3 }, items: [{ id: 'a' }, { id: 'b' }] }
  expect(completed(old, LACKING)).toEqual({
    total: 0,
    screens: { open: 3, exact: true },
    items: [
      { id: 'a', run: null },
      { id: 'b', run: null },
    ],
  })
})

it('leaves what is there, null and falsehood included', () => {
  const answer: Answer = { total: 7, screens: { open: 3, exact: false }, items: [{ id: 'a', run: 'run_1' }] }
  expect(completed(answer, LACKING)).toEqual(answer)
  expect(completed<Row>({ id: 'a', run: null }, { run: 'none' })).toEqual({ id: 'a', run: null })
})
