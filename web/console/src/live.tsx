/**
 * Everything live, through our own SDK: one operator store per sign-in, and what the console reads from it.
 *
 * The live token is fetched with the session cookie, so a script never sees the session. Frames, sockets and
 * reconnects are the SDK's business. The odd thing: the operator has no credits of their own here; the store
 * is used for the users it watches and the lists it follows.
 */
import { createCredits } from 'livecredits'
import { CreditProvider, useCreditsSelector, useCreditsStore, useWatchedCredits } from 'livecredits/react'
import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react'
import { api, asProblem } from './api'
import { serverUrl } from './base'

export function LiveProvider({ children }: { children: ReactNode }) {
  const [store] = useState(() =>
    createCredits({
      url: serverUrl().href.replace(/\/$/, ''),
      operator: true,
      log: true,
      getToken: async () => {
        try {
          return (await api.liveToken()).token
        } catch (error) {
          if (asProblem(error).status === 401) return null
          throw error
        }
      },
    }),
  )
  return <CreditProvider store={store}>{children}</CreditProvider>
}

/** How the line to the server stands, and since when (ms). */
export function useLine() {
  const status = useCreditsSelector((snapshot) => snapshot.status)
  const since = useCreditsSelector((snapshot) => snapshot.since)
  return { status, since }
}

/** False without a network: writes are disabled then. */
export function useOnline(): boolean {
  const browser = useSyncExternalStore(subscribeToNetwork, () => navigator.onLine)
  const line = useCreditsSelector((snapshot) => snapshot.status !== 'offline')
  return browser && line
}

function subscribeToNetwork(listener: () => void): () => void {
  window.addEventListener('online', listener)
  window.addEventListener('offline', listener)
  return () => {
    window.removeEventListener('online', listener)
    window.removeEventListener('offline', listener)
  }
}

/** Keeps all users of a page watched, also those whose rows are scrolled away. */
export function useWatchedPage(userIds: readonly string[]): void {
  const store = useCreditsStore()
  const names = userIds.join('\n')
  useEffect(() => (names === '' ? undefined : store.watch(names.split('\n'))), [store, names])
}

/** This user's page is open: their screens say at once what they have painted, as long as it is looked at. */
export function useOpenPage(user: string): void {
  const store = useCreditsStore()
  useEffect(() => store.watch([user], { open: true }), [store, user])
}

/** Calls back when one of these lists moved on the server. */
export function useFollow(list: string, onChanged: () => void): void {
  const store = useCreditsStore()
  useEffect(() => {
    const unfollow = store.follow([list])
    const off = store.on('changed', (lists) => {
      if (lists.includes(list)) onChanged()
    })
    return () => {
      off()
      unfollow()
    }
  }, [store, list, onChanged])
}

export { useWatchedCredits }
