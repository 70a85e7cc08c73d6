/**
 * Who is signed in, and the one credential that this screen holds.
 *
 * In the demo the address names the user (`?user=ada`) and anybody may be anybody; a real host app reads its own
 * session here. The screen token comes from the host's backend, lives in memory only, and is asked for anew when the
 * SDK says that the last one was refused.
 */

import type { GetToken } from 'livecredits'
import { CreditProvider } from 'livecredits/react'
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { api, type HostUser, type Outcome, readWith } from './api'

interface Session {
  readonly user: string
  readonly users: readonly HostUser[]
  /** Becomes another user in the same tab, as after sign-out and sign-in. */
  readonly switchTo: (user: string) => void
  /** Reads a route of livecredits with the user's screen token; `path` stands under `/api/v1`. */
  readonly read: <T>(path: string) => Promise<Outcome<T>>
  /** The same for a route that answers with a file. */
  readonly readFile: (path: string) => Promise<Outcome<Blob>>
}

export const SessionContext = createContext<Session | null>(null)
const FIRST_USER = 'ada'

/** Where the service stands, seen from this page: the host app is mounted one step below it. */
const SERVICE = new URL('..', document.baseURI).pathname.replace(/\/$/, '')

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === null) throw new Error('useSession needs a <SessionProvider> above it')
  return session
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const { user, switchTo } = useUserOfAddress()
  const [users, setUsers] = useState<readonly HostUser[]>([])
  const { getToken, getNewest } = useScreenToken(user)

  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever signs in may be new to the list
  useEffect(() => {
    api.users().then(({ data }) => data !== null && setUsers(data.items))
  }, [user])

  const read = useCallback(
    async <T,>(path: string): Promise<Outcome<T>> => readWith<T>(getNewest, `${SERVICE}/api/v1${path}`),
    [getNewest],
  )
  const readFile = useCallback(
    (path: string) => readWith<Blob>(getNewest, `${SERVICE}/api/v1${path}`, (response) => response.blob()),
    [getNewest],
  )
  const session = useMemo(
    () => ({ user, users, switchTo, read, readFile }),
    [user, users, switchTo, read, readFile],
  )

  return (
    <SessionContext value={session}>
      <CreditProvider url={SERVICE} user={user} getToken={getToken} log>
        {children}
      </CreditProvider>
    </SessionContext>
  )
}

/** The user whom the address names, followed through the browser's history. */
function useUserOfAddress() {
  const named = () => new URLSearchParams(location.search).get('user') ?? FIRST_USER
  const [user, setUser] = useState(named)
  useEffect(() => {
    const follow = () => setUser(named())
    addEventListener('popstate', follow)
    return () => removeEventListener('popstate', follow)
  })
  const switchTo = useCallback((next: string) => {
    const address = new URL(location.href)
    address.searchParams.set('user', next)
    history.pushState(null, '', address)
    setUser(next)
  }, [])
  return { user, switchTo }
}

/** Mints a token whenever the SDK asks, and keeps the newest one for our own reads. */
function useScreenToken(user: string) {
  const newest = useRef<{ user: string; token: Promise<string> } | null>(null)
  const getToken = useCallback(() => {
    newest.current = { user, token: mint(user) }
    return newest.current.token
  }, [user])
  const getNewest = useCallback<GetToken>(
    ({ fresh }) => (fresh || newest.current?.user !== user ? getToken() : newest.current.token),
    [user, getToken],
  )
  return { getToken, getNewest }
}

async function mint(user: string): Promise<string> {
  const { data, error } = await api.session(user)
  if (error !== null) throw new Error(error.detail)
  return data.token
}
