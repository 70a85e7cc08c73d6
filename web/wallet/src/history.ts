/**
 * The current user's history, page by page, newest first.
 *
 * Promise: the list has no gap and no entry twice. Versions of an account count 1, 2, 3 …, so a gap can be seen: where
 * the newest page does not reach what is known, it replaces it. The newest page is read again when the version moved,
 * one read at a time, so that a burst of changes costs two reads and not a hundred. Of one kind alone versions have
 * gaps by nature; there the newest page always replaces what is known.
 */
import { useCredits } from 'livecredits/react'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useSession } from './session'

export interface HistoryEntry {
  readonly entry: string
  readonly version: number
  readonly kind: string
  readonly amount: number
  readonly settled_delta: number
  readonly held_delta: number
  readonly balance: { readonly settled: number; readonly held: number; readonly available: number }
  readonly at: string
  readonly label: string | null
}

export interface HistoryPage {
  readonly items: readonly HistoryEntry[]
  /** The cursor of the older page; null at the end. */
  readonly next: string | null
}

const PAGE_LENGTH = 20

/** Which entries, as the address of a page or a file asks for them. */
export function historyPath(unit: string, kind: string, more: Record<string, string>): string {
  return `/credits/history?${new URLSearchParams({ unit, ...(kind === '' ? {} : { kind }), ...more })}`
}

/** The entries of one unit; `kind` '' is every kind. */
export function useHistory(unit: string, kind: string) {
  const { version, loading } = useCredits({ unit })
  const { read } = useSession()
  const [shown, setShown] = useState<HistoryPage | null>(null)
  const [error, setError] = useState<string | null>(null)

  const readPage = useCallback(
    async (after: string | null, join: typeof withNewest) => {
      const part = { limit: String(PAGE_LENGTH), ...(after === null ? {} : { after }) }
      const { data, error: problem } = await read<HistoryPage>(historyPath(unit, kind, part))
      setError(problem?.detail ?? null)
      if (data !== null) setShown((known) => join(known, data))
    },
    [unit, kind, read],
  )
  const readNewest = useCallback(
    () => readPage(null, kind === '' ? withNewest : (_known, page) => page),
    [readPage, kind],
  )
  useAfterEach(loading ? null : version, readNewest)

  const readOlder = () => readPage(shown?.next ?? null, withOlder)
  return { entries: shown?.items ?? null, older: shown !== null && shown.next !== null, error, readOlder }
}

/** The newest page on top of what is known, or in its place where the two do not meet. */
export function withNewest(known: HistoryPage | null, page: HistoryPage): HistoryPage {
  const top = known?.items[0]?.version ?? 0
  const oldest = page.items.at(-1)?.version ?? 1
  if (known === null || oldest > top + 1) return page
  return { items: [...page.items.filter((entry) => entry.version > top), ...known.items], next: known.next }
}

/** An older page below what is known. */
export function withOlder(known: HistoryPage | null, page: HistoryPage): HistoryPage {
  const bottom = known?.items.at(-1)?.version ?? Number.POSITIVE_INFINITY
  return {
    items: [...(known?.items ?? []), ...page.items.filter((entry) => entry.version < bottom)],
    next: page.next,
  }
}

/** Runs `act` for each new value (null = not yet), never twice at once, and once more if the value moved meanwhile. */
function useAfterEach(value: number | null, act: () => Promise<void>): void {
  const newest = useRef(value)
  const runs = useRef(false)
  useEffect(() => {
    newest.current = value
    if (value === null || runs.current) return
    const run = async () => {
      runs.current = true
      let done: number | null
      do {
        done = newest.current
        await act()
      } while (done !== newest.current)
      runs.current = false
    }
    run()
  }, [value, act])
}
