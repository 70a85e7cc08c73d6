/**
 * What the screen knows of the ledger, and the optimistic changes that stand on top of it. Pure.
 *
 * Promise: confirmed states never go back within an epoch, whatever order, loss or duplication the wire
 * made of them; and the number shown is at every moment `available` of one confirmed version plus each
 * own change that this version does not contain yet, once. `conformance/vectors.json` holds the first
 * half to its twin in Python (`core/reducer.py`). It must not know sockets, clocks or React.
 *
 * The odd one: a state that came by HTTP names no keys, so it cannot say which unanswered changes it
 * contains already. While an account has such a change, that state is not taken: the change would be
 * counted twice until its answer came.
 */
import type { RelayedFrame, StateFrame, TickFrame, Versions, WholeFrame } from './frames.js'

/** An own change that the confirmed state may not contain yet. */
export interface Layer {
  readonly key: string
  /** Of the account, see `accountId`. */
  readonly account: string
  readonly delta: number
  /** The version that the change's answer named; null until it was answered. */
  readonly version: number | null
  readonly epoch: string | null
}

export interface Book {
  readonly epoch: string | null
  readonly user: string | null
  readonly accounts: ReadonlyMap<string, StateFrame>
  readonly layers: readonly Layer[]
}

/** The book after a frame; null where the frame changes nothing because it must be answered with `resync`. */
export type Received = Book | null

export const emptyBook: Book = {
  epoch: null,
  user: null,
  accounts: new Map(),
  layers: [],
}

/** Names an account in a book. User ids hold no control characters, so the line feed separates safely. */
export const accountId = (user: string | null, unit: string): string => `${user}\n${unit}`

const idOf = (state: StateFrame) => accountId(state.user, state.unit)

/** Takes one server frame in. Frames that carry no state change nothing. */
export function receive(book: Book, frame: RelayedFrame): Received {
  if (frame.type === 'hello') return replaceAll(book, frame)
  if (frame.type === 'tick') return disagrees(book, frame) ? null : book
  if (frame.type !== 'state') return book
  return frame.epoch === book.epoch ? settle(keepNewer(book, frame), [frame]) : null
}

/** Takes in a state that names no keys: what a read brought. */
export function receiveKeyless(book: Book, state: StateFrame): Received {
  const isUnanswered = ({ account, version }: Layer) => version === null && account === idOf(state)
  if (book.layers.some(isUnanswered)) return null
  return receive(book, book.epoch === null ? { ...state, type: 'hello', accounts: [state] } : state)
}

/** Puts an optimistic change on top. */
export const place = (book: Book, key: string, account: string, delta: number): Book => ({
  ...book,
  layers: [...book.layers, { key, account, delta, version: null, epoch: null }],
})

/** The change was accepted as `version`; its layer leaves as soon as the confirmed state has come that far. */
export function answer(book: Book, key: string, version: number, epoch: string | null): Book {
  const named = (layer: Layer) =>
    layer.key === key ? { ...layer, version, epoch: epoch ?? book.epoch } : layer
  return settle({ ...book, layers: book.layers.map(named) })
}

/** The change was refused, or it is settled by other means: its layer is dropped, not subtracted. */
export function drop(book: Book, key?: string): Book {
  const layers = book.layers.filter((layer) => layer.key !== key)
  return layers.length === book.layers.length ? book : { ...book, layers }
}

/** Sum and number of the optimistic changes that still stand on an account. */
export function pendingOn(book: Book, account: string): { readonly sum: number; readonly count: number } {
  const standing = book.layers.filter((layer) => layer.account === account)
  return { sum: standing.reduce((sum, layer) => sum + layer.delta, 0), count: standing.length }
}

/** The versions held of one user's accounts, by unit; an account without an entry is absent. */
export function versionsOf(book: Book, user: string | null): Versions {
  const own = [...book.accounts.values()].filter((state) => state.user === user && state.version > 0)
  return Object.fromEntries(own.map((state) => [state.unit, state.version]))
}

/** The whole book as a frame, for a tab that has just opened. */
export const retell = ({ epoch, user, accounts }: Book): readonly WholeFrame[] =>
  epoch === null ? [] : [{ type: 'hello', epoch, user, accounts: [...accounts.values()] }]

function replaceAll(book: Book, { epoch, user, accounts }: WholeFrame): Book {
  // A version that was named in another epoch means nothing in this one: only the ledger knows now.
  const layers = book.layers.filter((layer) => layer.version === null || layer.epoch === epoch)
  const fresh = new Map(accounts.map((state) => [idOf(state), state]))
  return settle({ epoch, user, accounts: fresh, layers }, accounts)
}

function keepNewer(book: Book, state: StateFrame): Book {
  const held = book.accounts.get(idOf(state))
  // At the same version the frame knows more (expiry, label) than an answer did; the numbers are equal.
  const wins = !held || state.version > held.version || (state.version === held.version && !held.keys)
  return wins ? { ...book, accounts: new Map(book.accounts).set(idOf(state), state) } : book
}

/** Lets every layer go that the confirmed states contain. Keys count even in a state that came too late to win. */
function settle(book: Book, states: readonly StateFrame[] = []): Book {
  const isNamed = ({ account, key }: Layer) =>
    states.some((state) => idOf(state) === account && state.keys?.some(([name]) => name === key))
  const isReached = ({ account, version, epoch }: Layer) =>
    version !== null && epoch === book.epoch && version <= (book.accounts.get(account)?.version ?? -1)
  const layers = book.layers.filter((layer) => !isNamed(layer) && !isReached(layer))
  return layers.length === book.layers.length ? book : { ...book, layers }
}

function disagrees(book: Book, tick: TickFrame): boolean {
  const told = { ...tick.watched, ...(book.user !== null && { [book.user]: tick.versions }) }
  const isEqual = ([user, versions]: [string, Versions]) => sameVersions(versionsOf(book, user), versions)
  return tick.epoch !== book.epoch || !Object.entries(told).every(isEqual)
}

/** A tick may spell version 0 out or leave it away; both mean that there is no account yet. */
function sameVersions(held: Versions, told: Versions): boolean {
  return Object.keys({ ...held, ...told }).every((unit) => (held[unit] ?? 0) === (told[unit] ?? 0))
}
