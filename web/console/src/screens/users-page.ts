/** The page of users, read again as well every half minute: the number of connected screens has no push. */
import { api, type ListQuery, type UserRow, type UsersPage } from '../api'
import { useSteadyPage } from '../steady'

const AGAIN_MS = 30_000

export function useUsersPage(query: ListQuery) {
  return useSteadyPage<UserRow, UsersPage>({
    name: 'users',
    follows: 'users',
    query,
    read: api.users,
    idOf: (row) => row.user_id,
    againMs: AGAIN_MS,
  })
}
