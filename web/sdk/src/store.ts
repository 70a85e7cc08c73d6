/**
 * The store: one user's credits outside any framework, put together from the pure parts.
 *
 * Promise: `getSnapshot` gives the same object until something in it changed; nothing happens before the
 * first subscriber; after `close` nobody is called. A store serves one user for its whole life: whoever
 * switches users makes a new store, so no frame of the former one has a place to arrive at.
 *
 * The odd one: frames come in by two doors, from this tab's own connection and from another tab's. What
 * another tab relays may replace everything only while this tab has no connection itself.
 */
import * as ledger from './balance.js'
import { browser, type Environment } from './environment.js'
import { createEvents } from './events.js'
import type { ClientFrame, RelayedFrame, ServerFrame } from './frames.js'
import type { Http, Reading } from './http.js'
import { newKey } from './keys.js'
import { createLink, type Link } from './link.js'
import type { Receipts } from './receipts.js'
import { joinTabs, type News, type Tabs } from './tabs.js'
import { anyCarrier, type Transport } from './transport.js'
import type {
  AccountView,
  ChangeAnswer,
  CreditsOptions,
  CreditsProblem,
  CreditsSnapshot,
  CreditsStore,
  OptimisticOptions,
  Status,
  WatchOptions,
} from './types.js'
import { createMemory, viewOf } from './view.js'
import type { Watching } from './watching.js'

const GRACE_MS = 1_000
const ASK_AGAIN_MS = 2_000

/** Makes the store. Nothing happens until somebody subscribes, so it is safe to call while rendering. */
export const createCredits = (options: CreditsOptions): CreditsStore => createStore(options, browser)

/** `createCredits` with the browser given from outside. */
export function createStore(
  options: CreditsOptions,
  environment: Environment,
  transport: Transport = anyCarrier,
): CreditsStore {
  const { user, unit = 'credits', operator = false } = options
  const root = options.url.replace(/\/+$/, '')
  const events = createEvents()
  const listeners = new Set<() => void>()
  const snapshots = createMemory<CreditsSnapshot>()
  let watched = createMemory<AccountView | undefined>()

  let book = ledger.emptyBook
  let greeted = false
  let receipts: Promise<Receipts> | undefined
  let painting: Receipts | undefined
  let status: Status = user === null ? 'signed-out' : 'idle'
  // Nothing has begun, on a server as in a browser: what the two render must be the same.
  let since = 0
  let lastRight = 0
  let error: CreditsProblem | null = null
  let revision = 0
  let asked = 0
  let closed = false
  let stayOn = () => {}
  let token: Promise<string | null> | undefined
  let link: Link | undefined
  let http: Http | undefined
  let watching: Promise<Watching> | undefined
  let tabs: Tabs | undefined

  const me = () => user ?? book.user
  const shown = () => ledger.versionsOf(book, me())
  const heartbeat_ms = () => link?.heartbeat_ms() ?? 0
  const send = (frame: ClientFrame) => link?.send(frame) ?? false
  const log = (line: string) => (options.log ?? isDevelopment()) && console.log(line)
  const trace = (...what: readonly unknown[]) => options.debug && console.debug('livecredits', ...what)
  // --- what is shown ---

  function changed(): void {
    revision += 1
    for (const listener of [...listeners]) listener()
    painting?.note()
  }

  function keep(next: ledger.Book): void {
    if (next === book) return
    book = next
    changed()
  }

  function setStatus(next: Status, at = environment.now()): void {
    if (next === status) return
    status = next
    since = next === 'stale' || next === 'offline' ? lastRight : at
    if (next === 'live') error = null
    if (next === 'signed-out') {
      book = ledger.emptyBook
      greeted = false
    }
    changed()
    if (!closed) events.emit('status', status, since)
  }

  /** @param reason - Null when all is well again. */
  function setProblem(reason: unknown): void {
    trace('problem', reason)
    if (closed) return
    const told = reason as CreditsProblem | null
    error = !told || told.code ? told : { code: 'network', detail: String(reason) }
    changed()
  }

  const getSnapshot = (of = unit) =>
    snapshots(of, revision, () => {
      const owner = me()
      const isKnown = greeted || book.accounts.has(ledger.accountId(owner, of))
      const loading = !isKnown && !operator && status !== 'signed-out' && status !== 'error'
      const view = viewOf(book, owner ?? '', of)
      return { ...view, credits: isKnown ? view.credits : 0, user: owner, loading, status, since, error }
    })

  function getWatched(owner: string, of = unit): AccountView | undefined {
    const id = ledger.accountId(owner, of)
    // Right after a reconnect the server has not told of the watched users yet: the former view stands.
    return watched(id, revision, (former) => (book.accounts.has(id) ? viewOf(book, owner, of) : former))
  }

  // --- frames ---

  const isOfAnother = (frame: RelayedFrame) =>
    frame.type === 'hello' && !operator && user !== undefined && frame.user !== user

  function takeOwn(frame: ServerFrame): boolean {
    if (isOfAnother(frame)) return false
    take(frame)
    receipts?.then((part) => part.answer(frame), trace)
    if (frame.type !== 'bye') tabs?.tell(news([frame]))
    return true
  }

  /** The part is of this one connection: whoever subscribes again begins with nothing painted. */
  function loadReceipts(mine: Tabs): void {
    receipts ??= import('./receipts.js').then(({ createReceipts }) => {
      const part = createReceipts(environment, mine, { me, shown, send, heartbeat_ms })
      if (mine === tabs) painting = part
      part.note()
      part.report()
      return part
    })
  }

  /** @param pushed - By the server, to this tab or to the one that connects for it. */
  function take(frame: RelayedFrame, pushed = true): void {
    const before = book
    const next = ledger.receive(book, frame)
    const again = frame.type === 'hello' && greeted
    if (frame.type === 'hello') {
      greeted = true
      asked = 0
      if (tabs) loadReceipts(tabs)
    }
    lastRight = environment.now()
    if (next) keep(next)
    else askAgain()
    if (frame.type === 'changed') emitChanged(frame.lists)
    // Hints are not repeated: whatever moved while nobody could tell us may be any of these.
    if (again) emitChanged(['orders', 'packages', 'vouchers'])
    emitUpdates(before, pushed && frame.type === 'state' ? frame.user : null)
  }

  /** @param pushed - Whose state was pushed; that counts even if it was known already. */
  function emitUpdates(before: ledger.Book, pushed: string | null): void {
    const users = new Set<string>()
    for (const [id, { user: owner, version, epoch }] of book.accounts) {
      const former = before.accounts.get(id)
      if (!former) continue
      if (owner === pushed || version !== former.version || epoch !== former.epoch) users.add(owner)
    }
    for (const owner of users) events.emit('update', owner)
  }

  function emitChanged(lists: readonly string[]): void {
    events.emit('changed', lists)
    // A list has its event's name, where there is one.
    for (const list of lists) events.emit(list as 'orders')
  }

  function askAgain(): void {
    const now = environment.now()
    if (now < asked + ASK_AGAIN_MS) return
    asked = now
    if (!send({ type: 'resync' })) tabs?.ask()
  }

  // --- parts that are loaded when they are needed ---

  async function loadHttp(): Promise<Http> {
    const { createHttp } = await import('./http.js')
    http ??= createHttp(environment, root, credential, reading, self, events.emit, newKey)
    return http
  }

  const byHttp = <N extends keyof Http>(name: N) =>
    (async (...what: readonly unknown[]) =>
      ((await loadHttp())[name] as (...what: readonly unknown[]) => unknown)(...what)) as Http[N]

  function wish(kind: 'watch' | 'follow', names: readonly string[], options?: WatchOptions): () => void {
    watching ??= import('./watching.js').then(({ createWatching }) =>
      createWatching(environment, send, unwatched),
    )
    const stop = watching.then((part) => part[kind](names, options))
    return () => void stop.then((end) => end())
  }

  function unwatched(forget: (book: ledger.Book) => ledger.Book): void {
    watched = createMemory()
    keep(forget(book))
  }

  // --- connection and tabs ---

  /** One token for all, until it is refused or nobody is signed in. */
  function credential(fresh: boolean): Promise<string | null> {
    if (fresh || !token) {
      const forget = () => {
        token = undefined
      }
      token = Promise.resolve({ fresh }).then(options.getToken)
      token.then((given) => given ?? forget(), forget)
    }
    return token
  }

  function news(frames: readonly RelayedFrame[]): News {
    return { status, since, heartbeat_ms: heartbeat_ms(), frames }
  }

  function start(): void {
    const address = new URL(`${root}/api/v1/credits/live`, environment.base()).href
    const own = createLink(environment, address, transport, {
      credential,
      holds: () => book.epoch !== null && { epoch: book.epoch, held: painting?.summary().painted ?? {} },
      frame: takeOwn,
      status: showLinkStatus,
      problem: setProblem,
      trace,
    })
    link = own
    lastRight = environment.now()
    setStatus('connecting')
    tabs = joinTabs(environment, address, operator ? null : (user ?? null), own, {
      seen() {
        painting?.note()
        painting?.report()
      },
      hear,
      retell: () => news(ledger.retell(book)),
      hint: (userId) => (operator || userId === me()) && events.emit('update', userId),
      word: (word) => painting?.hear(word),
    })
  }

  function stop(): void {
    const left = tabs
    link = tabs = receipts = painting = undefined
    left?.leave()
    if (user !== null) setStatus('idle')
  }

  function showLinkStatus(next: Status): void {
    if (!link) return
    // With a number on the screen it is a return, and a tab that only follows from now on is not idle.
    const again = next === 'idle' || (next === 'connecting' && book.epoch !== null)
    setStatus(again ? 'reconnecting' : next)
    tabs?.tell(news([]))
    if (next === 'live') watching?.then((part) => part.again())
  }

  function hear({ status: theirs, since: at, frames }: News): void {
    // With a connection of its own too (plain HTTP), only newer states of the other are of interest.
    const beside = link?.isLive()
    for (const frame of frames) if (!beside || frame.type === 'state') take(frame, !beside)
    if (tabs?.isConnected()) return
    setStatus(theirs, at)
    // Every word renews the report, so that a tab that died without one of its own is forgotten.
    painting?.report()
  }

  // --- reads and changes ---

  /** How a read comes in; the rest of reading is loaded with the first one. */
  const reading: Reading = {
    me,
    log,
    // A connection that was told to stay away may try again.
    mayRead() {
      if (tabs?.isConnected()) link?.start()
      return !operator && user !== null && !closed
    },
    held: (owner, of) => book.accounts.get(ledger.accountId(owner, of)),
    take(state, settled) {
      setProblem(null)
      if (closed) return
      const before = ledger.drop(book, settled)
      const next = state && ledger.receiveKeyless(before, state)
      if (state && !next) askAgain()
      keep(next ?? before)
    },
  }

  async function optimistic<T>(
    delta: number,
    change: (key: string) => Promise<T>,
    { unit: of = unit, user: owner = me() ?? undefined, key = newKey() }: OptimisticOptions = {},
  ): Promise<T> {
    if (!Number.isSafeInteger(delta)) throw new RangeError(`${delta} is not an exact integer`)
    if (owner !== undefined) keep(ledger.place(book, key, ledger.accountId(owner, of), delta))
    try {
      const answer = await change(key)
      settle(key, of, answer as ChangeAnswer | undefined)
      return answer
    } catch (refusal) {
      keep(ledger.drop(book, key))
      throw refusal
    }
  }

  function settle(key: string, of: string, told: ChangeAnswer | null | undefined): void {
    if (typeof told?.version === 'number') keep(ledger.answer(book, key, told.version, told.epoch ?? null))
    // The answer names no version: a read that begins after it contains the change.
    else {
      const certain = operator ? Promise.resolve() : byHttp('read')(of, key).catch(setProblem)
      certain.then(() => keep(ledger.drop(book, key)))
    }
  }

  function broadcast(userId: string): void {
    log(`📢 Broadcasting credit update for user ${userId}`)
    events.emit('update', userId)
    tabs?.hint(userId)
    // A courtesy to screens that might have missed the push; its failure is nobody's concern.
    if (operator) byHttp('pushAgain')(userId).catch(trace)
  }

  function subscribe(listener: () => void): () => void {
    const mine = () => listener()
    listeners.add(mine)
    stayOn()
    if (!link && !closed && user !== null) start()
    return () => {
      if (listeners.delete(mine) && !listeners.size) stayOn = environment.setTimer(stop, GRACE_MS)
    }
  }

  const self: CreditsStore = {
    user,
    unit,
    getSnapshot,
    subscribe,
    refresh: (wanted) => byHttp('refresh')(wanted).catch(setProblem),
    refreshUser: (userId) =>
      byHttp('refreshUser')(userId)
        .catch(setProblem)
        .then(() => events.emit('update', userId)),
    broadcast,
    refreshVouchers: () => events.emit('vouchers'),
    on: events.on,
    optimistic,
    redeem: byHttp('redeem'),
    order: byHttp('order'),
    cancelOrder: byHttp('cancelOrder'),
    lists: byHttp('lists'),
    watch: (users, how) => wish('watch', users, how),
    getWatched,
    follow: (lists) => wish('follow', lists),
    close() {
      closed = true
      stayOn()
      listeners.clear()
      stop()
    },
  }
  return self
}

declare const process: { readonly env: { readonly NODE_ENV?: string } }

/** Bundlers write the name of the build into this expression; a browser without one has no `process`. */
function isDevelopment(): boolean {
  try {
    return process.env.NODE_ENV !== 'production'
  } catch {
    return false
  }
}
