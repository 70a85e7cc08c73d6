/**
 * From the book to what a component reads. Pure, except for a memory of what it gave last.
 *
 * Promise: the same object as long as nothing in it changed, so that "did my part change?" is one
 * comparison for every component.
 */
import { accountId, type Book, pendingOn } from './balance.js'
import type { StateFrame } from './frames.js'
import type { AccountView } from './types.js'

/** One account with its optimistic changes; zero where the ledger has none yet. */
export function viewOf(book: Book, user: string, unit: string): AccountView {
  const id = accountId(user, unit)
  const { sum, count } = pendingOn(book, id)
  const {
    balance = { settled: 0, held: 0, available: 0 },
    version = 0,
    scale = 0,
    cause = null,
    next_expiry = null,
    changed_at = null,
    low = false,
  }: Partial<StateFrame> = book.accounts.get(id) ?? {}
  return {
    ...balance,
    user,
    unit,
    version,
    scale,
    cause,
    low,
    credits: balance.available + sum,
    pending: count,
    updatedAt: changed_at === null ? null : Date.parse(changed_at),
    nextExpiry: next_expiry,
  }
}

/** Makes the value at most once per `revision`, and hands the former one on where the two are equal. */
export type Memory<T> = (id: string, revision: number, make: (former: T | undefined) => T) => T

export function createMemory<T>(): Memory<T> {
  const kept = new Map<string, { readonly revision: number; readonly value: T }>()
  return (id, revision, make) => {
    const before = kept.get(id)
    if (before?.revision === revision) return before.value
    const made = make(before?.value)
    const value = before && same(before.value, made) ? before.value : made
    kept.set(id, { revision, value })
    return value
  }
}

/** For plain data that was put together in the same order. */
export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
