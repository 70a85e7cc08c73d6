/** A store and a host backend that a test moves by hand; both keep the promises of the real ones. */
import type {
  ChangeProblem,
  CreditsEvents,
  CreditsLists,
  CreditsSnapshot,
  CreditsStore,
  ListSource,
  Order,
  Package,
  Redemption,
  ShopList,
} from 'livecredits'
import { CreditProvider } from 'livecredits/react'
import type { ReactNode } from 'react'
import { vi } from 'vitest'
import { ToastProvider } from '../src/toasts'

const FIRST: CreditsSnapshot = {
  user: 'ada',
  unit: 'credits',
  credits: 100,
  available: 100,
  held: 0,
  settled: 100,
  version: 7,
  scale: 0,
  pending: 0,
  updatedAt: null,
  cause: null,
  nextExpiry: null,
  low: false,
  loading: false,
  status: 'live',
  since: 0,
  error: null,
}

export class FakeStore implements CreditsStore {
  readonly user = 'ada'
  readonly unit = 'credits'
  readonly asked: string[] = []
  #snapshot: CreditsSnapshot
  readonly #listeners = new Set<() => void>()
  readonly #callbacks = new Map<string, Set<(...values: never[]) => void>>()

  constructor(first: Partial<CreditsSnapshot> = {}) {
    this.#snapshot = { ...FIRST, ...first }
  }

  /** A state arrived. */
  push(change: Partial<CreditsSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change }
    for (const listener of this.#listeners) listener()
    if (change.version !== undefined) this.emit('update', 'ada')
  }

  emit(event: keyof CreditsEvents, ...values: unknown[]): void {
    for (const callback of this.#callbacks.get(event) ?? []) callback(...(values as never[]))
  }

  getSnapshot = () => this.#snapshot
  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  on: CreditsStore['on'] = (event, callback) => {
    const callbacks = this.#callbacks.get(event) ?? new Set()
    callbacks.add(callback)
    this.#callbacks.set(event, callbacks)
    return () => callbacks.delete(callback)
  }
  optimistic: CreditsStore['optimistic'] = async (delta, change) => {
    this.push({ credits: this.#snapshot.available + delta, pending: 1 })
    try {
      return await change('a-key-that-this-browser-has-made')
    } finally {
      this.push({ credits: this.#snapshot.available, pending: 0 })
    }
  }
  refresh: CreditsStore['refresh'] = async (options) =>
    void this.asked.push(`refresh ${options?.force ?? false}`)
  refreshUser = async (userId: string) => void this.asked.push(`refreshUser ${userId}`)
  broadcast = (userId: string) => {
    this.asked.push(`broadcast ${userId}`)
    this.emit('update', userId)
  }
  refreshVouchers = () => {}
  readonly orders = new FakeList<Order>()
  readonly vouchers = new FakeList<Redemption>()
  readonly packages = new FakeList<Package>()
  lists = async (): Promise<CreditsLists> => this
  /** What the next change answers, now or later; a problem is thrown. */
  answer: unknown = {}
  #change = async (...what: unknown[]) => {
    this.asked.push(JSON.stringify(what))
    if (this.answer instanceof Error) throw this.answer
    return (await this.answer) as never
  }
  redeem = (code: string) => this.#change('redeem', code)
  order: CreditsStore['order'] = (packageId, terms) => this.#change('order', packageId, terms)
  cancelOrder = (orderId: string) => this.#change('cancelOrder', orderId)
  watch = () => () => {}
  getWatched = () => undefined
  follow = () => () => {}
  close = () => {}
}

/** A list that a test fills by hand. */
export class FakeList<T> implements ListSource<T> {
  refreshed = 0
  #list: ShopList<T> = {
    items: [],
    loading: false,
    error: null,
    loadMore: null,
    refresh: async () => void this.refreshed++,
  }
  readonly #listeners = new Set<() => void>()

  show(items: readonly T[], rest: Partial<ShopList<T>> = {}): void {
    this.#list = { ...this.#list, ...rest, items }
    for (const listener of this.#listeners) listener()
  }

  get = () => this.#list
  subscribe = (listener: () => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** A refusal as the SDK throws it. */
export const refusal = (code: string, detail = 'In the words of the service.', more = {}): ChangeProblem =>
  Object.assign(new Error(detail), { code, detail, ...more })

export function Stage({ store, children }: { store: CreditsStore; children: ReactNode }) {
  return (
    <CreditProvider store={store}>
      <ToastProvider>{children}</ToastProvider>
    </CreditProvider>
  )
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

/** Answers `fetch` from a table of `METHOD path`, and keeps what was asked. */
export function fakeBackend(answers: Record<string, { status: number; body: unknown }>): Asked[] {
  const asked: Asked[] = []
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    const method = init.method ?? 'GET'
    asked.push({ method, path, body: init.body === undefined ? null : JSON.parse(String(init.body)) })
    const answer = answers[`${method} ${path}`]
    if (answer === undefined) throw new TypeError(`nobody answers ${method} ${path}`)
    return new Response(JSON.stringify(answer.body), { status: answer.status })
  })
  return asked
}
