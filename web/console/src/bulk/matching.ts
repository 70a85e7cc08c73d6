/** The ids of everybody whom a filter finds, page by page, in the order of ids, which no change disturbs. */
import { api, asProblem, type ListQuery, type UsersPage } from '../api'
import { asQuery, type Selection } from '../selection'

export const USERS_MOST = 100_000
const PAGE = 200
const WAIT_S = 1

export type Found = (found: number, of: number) => void

/** Everybody who is selected, as ids; throws a `Problem`. */
export async function idsOf(selection: Selection, found: Found, signal: AbortSignal): Promise<string[]> {
  if (!selection.all) return [...selection.ids].sort()
  const { except } = selection
  const ids: string[] = []
  let after: string | undefined
  do {
    const page = await readPage({ ...asQuery(selection.filter), sort: 'user_id', limit: PAGE, after }, signal)
    ids.push(...page.items.map((row) => row.user_id))
    found(ids.length, page.total)
    after = page.next ?? undefined
  } while (after && ids.length <= USERS_MOST)
  return ids.filter((id) => !except.has(id))
}

/** A long list may ask faster than an operator may; then it waits as long as it was told. */
async function readPage(query: ListQuery, signal: AbortSignal): Promise<UsersPage> {
  for (;;) {
    try {
      return await api.users(query, signal)
    } catch (error) {
      const problem = asProblem(error)
      if (problem.status !== 429) throw error
      const told = Number(problem.document['retry_after_s'])
      await new Promise((resume) => setTimeout(resume, (told > 0 ? told : WAIT_S) * 1000))
      signal.throwIfAborted()
    }
  }
}
