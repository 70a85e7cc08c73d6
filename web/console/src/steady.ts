/**
 * One page of a list whose rows stay where they are while somebody looks at them.
 *
 * The list is read again when the server says that it moved. New values are taken over in place; a new order,
 * new rows and rows that left wait until the operator asks for them, since a row that jumps away under the
 * cursor gets the wrong one's credits. The odd thing: a row that left the list (an order that a colleague has
 * just fulfilled, in the queue of pending ones) is read by itself, so that it stays and tells what happened.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { asProblem, type ListQuery, type Page } from './api'
import { useFollow } from './live'

export interface Steady<T, P extends Page<T>> {
  /** Name of the list, also the first part of its query key. */
  name: string
  /** The list that the server announces when this one moved. */
  follows: string
  query: ListQuery
  read: (query: ListQuery, signal: AbortSignal) => Promise<P>
  idOf: (row: T) => string
  /** Reads one row that is no longer in the list; without it such a row stays as it was. */
  readOne?: (id: string) => Promise<T>
  againMs?: number
}

interface Shown<P> {
  key: string
  page: P
}

export function useSteadyPage<T, P extends Page<T>>(list: Steady<T, P>) {
  const latest = useRef(list)
  latest.current = list
  const { query, name } = list
  const key = JSON.stringify(query)
  const read = useQuery({
    queryKey: [name, query],
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
    /** The page that is shown belongs to an older question; the new answer is on its way. */
    isOld: shown !== undefined && shown.key !== key,
    problem: read.error ? asProblem(read.error) : undefined,
    retry: () => void refetch(),
    /** The operator's own doing changes the list next: its new order is no surprise. */
    takeNext: () => {
      taken.current = true
    },
    showNewOrder: moved ? () => setShown({ key, page: fresh }) : undefined,
    /** How many rows wait to be shown. */
    news: moved ? missing(fresh.items, shown.page.items, idOf).length : 0,
  }
}

type IdOf<T> = (row: T) => string

function sameOrder<T>(before: Page<T>, after: Page<T>, idOf: IdOf<T>): boolean {
  return (
    before.items.length === after.items.length &&
    before.items.every((row, at) => {
      const other = after.items[at]
      return other !== undefined && idOf(row) === idOf(other)
    })
  )
}

function takeOver<T>(before: T[], after: T[], idOf: IdOf<T>): T[] {
  const fresh = new Map(after.map((row) => [idOf(row), row]))
  return before.map((row) => fresh.get(idOf(row)) ?? row)
}

function missing<T>(rows: T[], among: T[], idOf: IdOf<T>): string[] {
  const there = new Set(among.map(idOf))
  return rows.map(idOf).filter((id) => !there.has(id))
}

function replaced<T, P extends Page<T>>(page: P, row: T, idOf: IdOf<T>): P {
  return { ...page, items: takeOver(page.items, [row], idOf) }
}
