/**
 * The page of a list that the address names; its rows stay where they are while somebody looks at them.
 *
 * The list is read again when the server says that it moved. New values are taken over in place; a new order,
 * new rows and rows that left wait until the operator asks for them, since a row that jumps away under the
 * cursor gets the wrong one's credits. The odd thing: a row that left the list (an order that a colleague has
 * just fulfilled, in the queue of pending ones) is read by itself, so that it stays and tells what happened.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { asProblem, type ListQuery, type Page, type Problem } from './api'
import { useFollow } from './live'
import { useUrlState } from './url'

type AnyPage = Page<unknown>
type RowOf<P extends AnyPage> = P['items'][number]
type IdOf<P extends AnyPage> = (row: RowOf<P>) => string

interface Asked<P extends AnyPage> {
  /** Name of the list, also the first part of its query key. */
  name: string
  /** The list that the server announces when this one moved. */
  follows: string
  /** What is asked for, without the place in the list: that is the address's. */
  filters?: ListQuery
  /** Rows of a page. */
  size: number
  read: (query: ListQuery, signal: AbortSignal) => Promise<P>
  idOf: IdOf<P>
  /** Reads one row that is no longer in the list; without it such a row stays as it was. */
  readOne?: (id: string) => Promise<RowOf<P>>
  againMs?: number
}

export interface List<P extends AnyPage> {
  page: P | undefined
  /** The page that is shown belongs to an older question; the new answer is on its way. */
  isOld: boolean
  problem: Problem | undefined
  retry: () => void
  /** The operator's own doing changes the list next: its new order is no surprise. */
  takeNext: () => void
  showNewOrder: (() => void) | undefined
  /** How many rows wait to be shown. */
  news: number
}

interface Shown<P> {
  key: string
  page: P
}

export function useList<P extends AnyPage>(list: Asked<P>): List<P> {
  const latest = useRef(list)
  latest.current = list
  const url = useUrlState()
  const query = {
    ...list.filters,
    limit: list.size,
    after: url.get('after') ?? undefined,
    before: url.get('before') ?? undefined,
  }
  const key = JSON.stringify(query)
  const read = useQuery({
    queryKey: [list.name, query],
    queryFn: ({ signal }) => list.read(query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: list.againMs ?? false,
  })
  const { data, isPlaceholderData, refetch } = read
  const [shown, setShown] = useState<Shown<P>>()
  const fresh = data && !isPlaceholderData ? data : undefined

  const taken = useRef(false)
  useEffect(() => {
    if (!fresh) return
    const { idOf } = latest.current
    const takes = taken.current
    taken.current = false
    setShown((before) => {
      if (before?.key !== key || takes || before.page.items.length === 0) return { key, page: fresh }
      if (sameOrder(before.page, fresh, idOf)) return { key, page: fresh }
      return { key, page: { ...before.page, items: takeOver(before.page.items, fresh.items, idOf) } }
    })
  }, [fresh, key])

  // biome-ignore lint/correctness/useExhaustiveDependencies: only a fresh answer asks for the rows that left it
  useEffect(() => {
    const { readOne, idOf } = latest.current
    if (!fresh || !readOne || shown?.key !== key) return
    for (const id of missing(shown.page.items, fresh.items, idOf)) {
      readOne(id).then(
        (row) => setShown((before) => before && { ...before, page: replaced(before.page, row, idOf) }),
        // It stays as it was read last; the offer to show the new list says that it is old.
        () => {},
      )
    }
  }, [fresh, key])

  useFollow(
    list.follows,
    useCallback(() => void refetch(), [refetch]),
  )

  const { idOf } = list
  const moved = fresh && shown?.key === key && !sameOrder(shown.page, fresh, idOf)
  return {
    page: shown?.page,
    isOld: shown !== undefined && shown.key !== key,
    problem: read.error ? asProblem(read.error) : undefined,
    retry: () => void refetch(),
    takeNext: () => {
      taken.current = true
    },
    showNewOrder: moved ? () => setShown({ key, page: fresh }) : undefined,
    news: moved ? missing(fresh.items, shown.page.items, idOf).length : 0,
  }
}

function sameOrder<P extends AnyPage>(before: P, after: P, idOf: IdOf<P>): boolean {
  return (
    before.items.length === after.items.length &&
    before.items.every((row, at) => {
      const other = after.items[at]
      return other !== undefined && idOf(row) === idOf(other)
    })
  )
}

function takeOver<T>(before: T[], after: T[], idOf: (row: T) => string): T[] {
  const fresh = new Map(after.map((row) => [idOf(row), row]))
  return before.map((row) => fresh.get(idOf(row)) ?? row)
}

function missing<T>(rows: T[], among: T[], idOf: (row: T) => string): string[] {
  const there = new Set(among.map(idOf))
  return rows.map(idOf).filter((id) => !there.has(id))
}

function replaced<P extends AnyPage>(page: P, row: RowOf<P>, idOf: IdOf<P>): P {
  return { ...page, items: takeOver(page.items, [row], idOf) }
}
