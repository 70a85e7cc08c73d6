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
  CreditsLists,
  CreditsOptions,
  CreditsSnapshot,
  CreditsStore,
  Order,
  Package,
  Redemption,
  ShopItems,
  ShopList,
  ShopListName,
} from './types.js'

export type { CreditContextType } from './types.js'

/** The changes that a user makes in the shop; see `CreditsStore`. */
type Changes = Pick<CreditsStore, 'redeem' | 'order' | 'cancelOrder'>

/** What `useCredits` gives: the nine names, and beside them the rest of the snapshot and the changes. */
export interface CreditsValue
  extends CreditContextType,
    Omit<CreditsSnapshot, 'credits' | 'loading'>,
    Changes {}

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
  /** Nobody ever subscribes to it, so it shows what a server rendered: late parts of a page hydrate with that. */
  readonly first: CreditsStore
  readonly functions: Functions
  /** Once loaded; so a component that comes back shows at once what was known. */
  lists?: CreditsLists
}

const Context = createContext<Shared | null>(null)

/** Gives a part of the tree the credits of one user. */
export function CreditProvider(props: CreditProviderProps): ReactNode {
  const [core] = useState(createCore)
  const options = props as CreditsOptions & { readonly store?: CreditsStore }
  const { store: given, url, user, unit, operator, debug, log } = options
  // biome-ignore lint/correctness/useExhaustiveDependencies: getToken is called by its newest identity, see below
  const shared = useMemo<Shared>(() => {
    const make = () => given ?? createCredits({ ...options, getToken: (request) => core.getToken(request) })
    return { ...core, store: make(), first: make() }
  }, [given, url, user, unit, operator, debug, log])
  const { store } = shared
  // Insertion effects are the first of all: a child's own effect may call any of the nine names already.
  useInsertionEffect(() => {
    core.getToken = options.getToken
  })
  useInsertionEffect(() => {
    core.store = store
    const { emit } = core.events
    const stopUpdates = store.on('update', (userId) => emit('update', userId))
    const stopVouchers = store.on('vouchers', () => emit('vouchers'))
    return () => {
      stopUpdates()
      stopVouchers()
      if (!given) store.close()
    }
  }, [core, store, given])
  // Keeps the connection while no component shows a number; its grace outlives StrictMode's second mount.
  useEffect(() => store.subscribe(() => {}), [store])
  return createElement(Context.Provider, { value: shared }, props.children)
}

/** The current user's credits of one unit, and the nine names. */
export function useCredits({ unit }: UnitOption = {}): CreditsValue {
  const { store, functions } = useShared()
  const snapshot = useShown((from) => from.getSnapshot(unit))
  // Changes are of this very user: what somebody began to order is never ordered for whoever signed in meanwhile.
  return useMemo(
    () => ({
      ...snapshot,
      ...functions,
      redeem: store.redeem,
      order: store.order,
      cancelOrder: store.cancelOrder,
    }),
    [snapshot, functions, store],
  )
}

/** A part of the snapshot; renders again only when that part changed (`Object.is`). */
export function useCreditsSelector<T>(
  select: (snapshot: CreditsSnapshot) => T,
  { unit }: UnitOption = {},
): T {
  const read = useMemo(() => {
    let before: CreditsSnapshot | undefined
    let part: T
    return (from: CreditsStore) => {
      const snapshot = from.getSnapshot(unit)
      if (before !== snapshot) {
        before = snapshot
        part = select(snapshot)
      }
      return part
    }
  }, [unit, select])
  return useShown(read)
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
  return useShown((from) => from.getWatched(userId, unit))
}

/** The user's orders, newest first: read while a component is mounted, and again whenever they moved. */
export const useOrders = (): ShopList<Order> => useList('orders')

/** The vouchers that the user has redeemed, newest first; live as `useOrders` is. */
export const useVouchers = (): ShopList<Redemption> => useList('vouchers')

/** What can be ordered, in the operators' order. */
export const usePackages = (): ShopList<Package> => useList('packages')

function useList<N extends ShopListName>(name: N): ShopList<ShopItems[N]> {
  const shared = useShared()
  const subscribe = useMemo(
    () => (listener: () => void) => {
      const begun = shared.store.lists().then((lists) => {
        shared.lists = lists
        // It may be known already: another provider shows the same store.
        listener()
        return lists[name].subscribe(listener)
      })
      return () => void begun.then((stop) => stop())
    },
    [shared, name],
  )
  return useShown(
    (from) => (from === shared.store && shared.lists?.[name].get()) || NOTHING_YET,
    shared,
    subscribe,
  )
}

const NOTHING_YET: ShopList<never> = {
  items: [],
  loading: true,
  error: null,
  loadMore: null,
  refresh: async () => {},
}

/** @param read - The same value until something in it changed. */
function useShown<T>(
  read: (from: CreditsStore) => T,
  { store, first } = useShared(),
  subscribe = store.subscribe,
): T {
  return useSyncExternalStore(
    subscribe,
    () => read(store),
    () => read(first),
  )
}

/** The provider's store itself, for `on`, `watch`, `follow`. */
export const useCreditsStore = (): CreditsStore => useShared().store

function useShared(): Shared {
  const shared = useContext(Context)
  if (shared) return shared
  throw new Error('no <CreditProvider>')
}

function createCore(): Core {
  const events = createEvents()
  // The token's function comes with the first commit, before anybody asks.
  const core = {
    events,
    functions: {
      refreshCredits: async () => core.store?.refresh(),
      refreshVouchers: () => core.store?.refreshVouchers(),
      registerVoucherRefresh: (callback) => events.on('vouchers', callback),
      refreshCurrentUserCredits: async () => core.store?.refresh({ force: true }),
      refreshUserCredits: async (userId) => core.store?.refreshUser(userId),
      registerCreditUpdateCallback: (callback) => events.on('update', callback),
      broadcastCreditUpdate: (userId) => core.store?.broadcast(userId),
    },
  } as Core
  return core
}
