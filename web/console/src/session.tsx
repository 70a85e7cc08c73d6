/**
 * Who is signed in: one query, and the two ways to sign in.
 *
 * The session itself is a cookie that scripts cannot read; this module only knows the operator the server
 * names. A one-time code arrives in the address's fragment, which browsers send to no server: it is taken out
 * of the address before anything else runs, and exchanged once, whatever React does with its components.
 */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, use, useEffect, useMemo } from 'react'
import { api, asProblem, type Operator, onSignedOut, type Problem } from './api'
import { forgetAllKeys } from './keys'

export interface Session {
  operator: Operator
  /** May change credits (support and admin). */
  mayChange: boolean
  /** May freeze, set floors, export (admin). */
  mayAdminister: boolean
  /** Every change must say why; see `reasons`. */
  reasonWanted: boolean
  signOut: () => Promise<void>
}

export type SessionState =
  | { state: 'loading' }
  | { state: 'unreachable'; problem: Problem; retry: () => void }
  | { state: 'signed-out'; ended: boolean; codeProblem: Problem | undefined }
  | { state: 'signed-in'; session: Session }

/** Takes the one-time code out of the address; the address no longer holds it afterwards. */
export function takeCode(location: Location = window.location): string | undefined {
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (code === null) return undefined
  history.replaceState(history.state, '', location.pathname + location.search)
  return code
}

interface Known {
  operator: Operator | null
  reasonWanted?: boolean
  ended: boolean
  codeProblem?: Problem | undefined
}

export const SESSION = ['session'] as const

const known = ({ operator, require_reason }: Awaited<ReturnType<typeof api.session>>): Known => ({
  operator,
  reasonWanted: require_reason,
  ended: false,
})

async function readSession(code: string | undefined): Promise<Known> {
  let codeProblem: Problem | undefined
  if (code !== undefined) {
    try {
      return known(await api.signIn({ code }))
    } catch (error) {
      codeProblem = asProblem(error)
    }
  }
  try {
    return known(await api.session())
  } catch (error) {
    if (asProblem(error).status !== 401) throw error
    return { operator: null, ended: false, codeProblem }
  }
}

/** The session as the app shows it. `code` is the one-time code the page was opened with, if any. */
export function useSessionState(code: { current: string | undefined }): SessionState {
  const client = useQueryClient()
  const query = useQuery({
    queryKey: SESSION,
    queryFn: () => {
      const once = code.current
      code.current = undefined
      return readSession(once)
    },
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })

  useEffect(() => {
    onSignedOut(() => leave(client, true))
    return () => onSignedOut(() => {})
  }, [client])

  const { data, error, refetch } = query
  return useMemo<SessionState>(() => {
    if (data?.operator) {
      const operator = data.operator
      return {
        state: 'signed-in',
        session: {
          operator,
          mayChange: operator.role !== 'viewer',
          mayAdminister: operator.role === 'admin',
          reasonWanted: data.reasonWanted === true,
          signOut: async () => {
            await api.signOut()
            leave(client, false)
            await forgetWhatIsKept().catch(() => {})
          },
        },
      }
    }
    if (data) return { state: 'signed-out', ended: data.ended, codeProblem: data.codeProblem }
    if (error) return { state: 'unreachable', problem: asProblem(error), retry: () => void refetch() }
    return { state: 'loading' }
  }, [data, error, refetch, client])
}

/** What only some screens keep; they are loaded to forget it, as they may have kept it before a reload. */
async function forgetWhatIsKept(): Promise<void> {
  const [{ forgetRuns }, { forgetReceipts }] = await Promise.all([
    import('./bulk/kept'),
    import('./receipts'),
  ])
  forgetReceipts()
  await forgetRuns()
}

/** Nothing of the former operator stays: neither rows in memory nor keys of their changes. */
function leave(client: ReturnType<typeof useQueryClient>, ended: boolean): void {
  forgetAllKeys()
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] })
  client.setQueryData<Known>(SESSION, { operator: null, ended })
}

/** Signs in by password; the screens appear by themselves. */
export function useSignIn(): (email: string, password: string) => Promise<void> {
  const client = useQueryClient()
  return async (email, password) => {
    client.setQueryData<Known>(SESSION, known(await api.signIn({ email, password })))
  }
}

const SessionContext = createContext<Session | null>(null)

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <SessionContext value={session}>{children}</SessionContext>
}

/** The signed-in operator; only under `SessionProvider`. */
export function useSession(): Session {
  const session = use(SessionContext)
  if (session === null) throw new Error('useSession outside of SessionProvider')
  return session
}
