/**
 * The React entry: `CreditProvider` and hooks over the store of the core.
 *
 * Promise: the nine names of the original credit context with their exact meaning; functions that keep
 * their identity for the provider's whole life, user switches included; a component renders again only
 * when its own part changed. It must not know frames, sockets or tabs.
 *
 * The odd one: a new `user` makes a new store during render, which is why `createCredits` does nothing
 * until somebody subscribes. The former user's number therefore cannot be painted under the new name.
 */
import {
  createContext,
  createElement,
  type ReactNode,
  useContext,
  useEffect,
  useInsertionEffect,
  useMemo,
  useState,
  useSyncExternalStore,
} from 'react'
import { createEvents, type Events } from './events.js'
import { createCredits } from './store.js'
import type {
  AccountView,
  CreditContextType,
  CreditsOptions,
  CreditsSnapshot,
  CreditsStore,
} from './types.js'

export type { CreditContextType } from './types.js'

/** What `useCredits` gives: the nine names, and beside them the rest of the snapshot. */
export interface CreditsValue extends CreditContextType, Omit<CreditsSnapshot, 'credits' | 'loading'> {}

/** Runs an optimistic change; see `CreditsStore.optimistic`. */
export type RunOptimistic = <T>(delta: number, change: (key: string) => Promise<T>) => Promise<T>

export interface UnitOption {
  /** Default: the provider's unit. */
  readonly unit?: string | undefined
}

/** Either the options of `createCredits`, or a `store` that the app made itself (and closes itself). */
export type CreditProviderProps = (CreditsOptions | { readonly store: CreditsStore }) & {
  readonly children?: ReactNode
}

type Functions = Omit<CreditContextType, 'credits' | 'loading'>

/** What outlives a user switch: the callbacks, and functions that always mean the present store. */
interface Core {
  readonly events: Events
  readonly functions: Functions
  getToken: CreditsOptions['getToken']
  store?: CreditsStore
}

interface Shared {
  readonly store: CreditsStore
  readonly functions: Functions
}

const Context = createContext<Shared | null>(null)

/** Gives a part of the tree the credits of one user. */
export function CreditProvider(props: CreditProviderProps): ReactNode {
  const [core] = useState(createCore)
  const given = 'store' in props ? props.store : undefined
  const options = props as CreditsOptions
  const { url, user, unit, operator, debug, log } = options
  // biome-ignore lint/correctness/useExhaustiveDependencies: getToken is called by its newest identity, see below
  const store = useMemo(
    () => given ?? createCredits({ ...options, getToken: (request) => core.getToken(request) }),
    [core, given, url, user, unit, operator, debug, log],
  )
  // Insertion effects are the first of all: a child's own effect may call any of the nine names already.
  useInsertionEffect(() => {
    core.getToken = options.getToken
  })
  useInsertionEffect(() => {
    core.store = store
    const stops = [
      store.on('update', (userId) => core.events.emit('update', userId)),
      store.on('vouchers', () => core.events.emit('vouchers')),
    ]
    return () => {
      for (const stop of stops) stop()
      if (!given) store.close()
    }
  }, [core, store, given])
  // Keeps the connection while no component shows a number; its grace outlives StrictMode's second mount.
  useEffect(() => store.subscribe(() => {}), [store])
  const shared = useMemo(() => ({ store, functions: core.functions }), [store, core])
  return createElement(Context.Provider, { value: shared }, props.children)
}

/** The current user's credits of one unit, and the nine names. */
export function useCredits({ unit }: UnitOption = {}): CreditsValue {
  const { store, functions } = useShared()
  const get = () => store.getSnapshot(unit)
  const snapshot = useSyncExternalStore(store.subscribe, get, get)
  return useMemo(() => ({ ...snapshot, ...functions }), [snapshot, functions])
}

/** A part of the snapshot; renders again only when that part changed (`Object.is`). */
export function useCreditsSelector<T>(
  select: (snapshot: CreditsSnapshot) => T,
  { unit }: UnitOption = {},
): T {
  const { store } = useShared()
  const get = useMemo(() => {
    let last: { readonly snapshot: CreditsSnapshot; readonly part: T } | undefined
    return () => {
      const snapshot = store.getSnapshot(unit)
      if (last?.snapshot !== snapshot) last = { snapshot, part: select(snapshot) }
      return last.part
    }
  }, [store, unit, select])
  return useSyncExternalStore(store.subscribe, get, get)
}

/** Shows a change at once and lets the ledger's own number take over. The function keeps its identity. */
export function useOptimisticCredits({ unit }: UnitOption = {}): RunOptimistic {
  const { store } = useShared()
  return useMemo(() => (delta, change) => store.optimistic(delta, change, { unit }), [store, unit])
}

/** Operators: one user's live account, undefined until known. Watched while the component is mounted. */
export function useWatchedCredits(userId: string, { unit }: UnitOption = {}): AccountView | undefined {
  const { store } = useShared()
  useEffect(() => store.watch([userId]), [store, userId])
  const get = () => store.getWatched(userId, unit)
  return useSyncExternalStore(store.subscribe, get, get)
}

/** The provider's store itself, for `on`, `watch`, `follow`. */
export const useCreditsStore = (): CreditsStore => useShared().store

function useShared(): Shared {
  const shared = useContext(Context)
  if (!shared) throw new Error('useCredits needs a <CreditProvider> above it')
  return shared
}

function createCore(): Core {
  const events = createEvents()
  const core: Core = {
    events,
    getToken: () => null,
    functions: {
      refreshCredits: async () => core.store?.refresh(),
      refreshVouchers: () => core.store?.refreshVouchers(),
      registerVoucherRefresh: (callback) => events.on('vouchers', callback),
      refreshCurrentUserCredits: async () => core.store?.refresh({ force: true }),
      refreshUserCredits: async (userId) => core.store?.refreshUser(userId),
      registerCreditUpdateCallback: (callback) => events.on('update', callback),
      broadcastCreditUpdate: (userId) => core.store?.broadcast(userId),
    },
  }
  return core
}
