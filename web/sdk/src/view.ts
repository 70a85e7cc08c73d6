/**
 * From the book to what a component reads. Pure, except for a memory of what it gave last.
 *
 * Promise: the same object as long as nothing in it changed, so that "did my part change?" is one
 * comparison for every component.
 */
import { accountId, type Book, pendingOn } from './balance.js'
import type { AccountView } from './types.js'

/** One account with its optimistic changes; zero where the ledger has none yet. */
export function viewOf(book: Book, user: string, unit: string): AccountView {
  const id = accountId(user, unit)
  const { sum, count } = pendingOn(book, id)
  const { balance, version, scale, cause, next_expiry, changed_at } = book.accounts.get(id) ?? NO_ENTRY_YET
  return {
    ...balance,
    user,
    unit,
    version,
    scale,
    cause,
    credits: balance.available + sum,
    pending: count,
    updatedAt: changed_at === null ? null : Date.parse(changed_at),
    nextExpiry: next_expiry,
  }
}

const NO_ENTRY_YET = {
  balance: { settled: 0, held: 0, available: 0 },
  version: 0,
  scale: 0,
  cause: null,
  next_expiry: null,
  changed_at: null,
}

export interface Memory<T> {
  /** Makes the value at most once per `revision`, and hands the former one on where the two are equal. */
  recall(id: string, revision: number, make: () => T): T
  last(id: string): T | undefined
  clear(): void
}

export function createMemory<T>(): Memory<T> {
  const kept = new Map<string, { readonly revision: number; readonly value: T }>()
  return {
    recall(id, revision, make) {
      const before = kept.get(id)
      if (before?.revision === revision) return before.value
      const made = make()
      const value = before && same(before.value, made) ? before.value : made
      kept.set(id, { revision, value })
      return value
    },
    last: (id) => kept.get(id)?.value,
    clear: () => kept.clear(),
  }
}

/** For plain data that was put together in the same order. */
export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
