/** The page of users, read again as well every half minute: the number of connected screens has no push. */
import { api, type ListQuery } from '../api'
import { useList } from '../list'

const AGAIN_MS = 30_000

export function useUsersPage(filters: ListQuery, size: number) {
  return useList({
    name: 'users',
    follows: 'users',
    filters,
    size,
    read: api.users,
    idOf: (row) => row.user_id,
    againMs: AGAIN_MS,
  })
}
