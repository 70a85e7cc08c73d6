/**
 * One page of users whose rows stay where they are while somebody looks at them.
 *
 * The list is read again when the server says that it moved, and every half minute (the number of connected
 * screens has no push). New values are taken over in place; a new order waits until the operator asks for it,
 * since a row that jumps away under the cursor gets the wrong user's credits.
 */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useState } from 'react'
import { api, asProblem, type ListQuery, type UserRow, type UsersPage } from '../api'
import { useFollow } from '../live'

const AGAIN_MS = 30_000

interface Shown {
  key: string
  page: UsersPage
}

export function useUsersPage(query: ListQuery) {
  const key = JSON.stringify(query)
  const read = useQuery({
    queryKey: ['users', query],
    queryFn: ({ signal }) => api.users(query, signal),
    placeholderData: keepPreviousData,
    refetchInterval: AGAIN_MS,
  })
  const { data, isPlaceholderData, refetch } = read
  const [shown, setShown] = useState<Shown>()
  const [waiting, setWaiting] = useState<UsersPage>()

  useEffect(() => {
    if (!data || isPlaceholderData) return
    setShown((before) => {
      if (before?.key !== key || sameOrder(before.page, data)) return { key, page: data }
      return { key, page: { ...before.page, items: takeOver(before.page.items, data.items) } }
    })
  }, [data, isPlaceholderData, key])

  useEffect(() => {
    const moved = data && !isPlaceholderData && shown?.key === key && !sameOrder(shown.page, data)
    setWaiting(moved ? data : undefined)
  }, [data, isPlaceholderData, shown, key])

  useFollow(
    'users',
    useCallback(() => void refetch(), [refetch]),
  )

  return {
    page: shown?.page,
    /** The page that is shown belongs to an older question; the new answer is on its way. */
    isOld: shown !== undefined && shown.key !== key,
    problem: read.error ? asProblem(read.error) : undefined,
    retry: () => void refetch(),
    showNewOrder: waiting ? () => setShown({ key, page: waiting }) : undefined,
  }
}

function sameOrder(before: UsersPage, after: UsersPage): boolean {
  return (
    before.items.length === after.items.length &&
    before.items.every((row, at) => row.user_id === after.items[at]?.user_id)
  )
}

function takeOver(before: UserRow[], after: UserRow[]): UserRow[] {
  const fresh = new Map(after.map((row) => [row.user_id, row]))
  return before.map((row) => fresh.get(row.user_id) ?? row)
}
