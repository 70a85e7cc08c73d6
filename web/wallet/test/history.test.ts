/** However pages overlap, the list has no gap and no entry twice. */
import { expect, it } from 'vitest'
import { type HistoryEntry, type HistoryPage, withNewest, withOlder } from '../src/history'

const entry = (version: number) => ({ entry: `ent_${version}`, version }) as HistoryEntry
const page = (from: number, to: number, next: string | null = null): HistoryPage => ({
  items: Array.from({ length: from - to + 1 }, (_, at) => entry(from - at)),
  next,
})
const versions = (shown: HistoryPage) => shown.items.map(({ version }) => version)

it('puts new entries on top and keeps how far the older ones were read', () => {
  const shown = withNewest(page(10, 5, 'older-than-5'), page(12, 9, 'older-than-9'))
  expect(versions(shown)).toEqual([12, 11, 10, 9, 8, 7, 6, 5])
  expect(shown.next).toBe('older-than-5')
})

it('stays at the end once the end was read', () => {
  expect(withNewest(page(10, 1, null), page(11, 9, 'older-than-9')).next).toBeNull()
})

it('starts anew where a burst was longer than a page', () => {
  const shown = withNewest(page(10, 5, 'older-than-5'), page(40, 21, 'older-than-21'))
  expect(versions(shown)[0]).toBe(40)
  expect(versions(shown).at(-1)).toBe(21)
  expect(shown.next).toBe('older-than-21')
})

it('puts an older page below, without what is known', () => {
  const shown = withOlder(page(10, 5, 'x'), page(6, 1, null))
  expect(versions(shown)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
  expect(shown.next).toBeNull()
})

it('takes an empty first page as it is', () => {
  expect(withNewest(null, { items: [], next: null })).toEqual({ items: [], next: null })
  expect(versions(withNewest({ items: [], next: null }, page(2, 1)))).toEqual([2, 1])
})
