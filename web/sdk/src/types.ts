/**
 * The public nouns of the SDK, and nothing that runs.
 *
 * Promise: a name exported here keeps its meaning within a major version. Frames have the same field
 * names as on the wire (snake_case); what an app reads is camelCase. Every amount is an integer of at
 * most 2^53 - 1 in magnitude, counted in the unit's smallest step (`scale` says how people see it).
 *
 * The odd one: `CreditContextType` is the interface of the original credit context, letter by letter.
 * Apps were written against it, so it never changes, not even by a `readonly`.
 */

/** The nine names. An app written against this interface alone compiles and works. */
export interface CreditContextType {
  credits: number
  loading: boolean
  refreshCredits: () => Promise<void>
  refreshVouchers: () => void
  registerVoucherRefresh: (callback: () => void) => () => void
  refreshCurrentUserCredits: () => Promise<void>
  refreshUserCredits: (userId: string) => Promise<void>
  registerCreditUpdateCallback: (callback: (userId: string) => void) => () => void
  broadcastCreditUpdate: (userId: string) => void
}

/**
 * How far the number on the screen can be trusted.
 *
 * - `idle`: nobody subscribed yet · `connecting`: first connection under way
 * - `live`: connected and equal to the ledger
 * - `reconnecting`: no connection since a moment ago · `stale`: none for more than ten seconds
 * - `offline`: lost, and the browser says that there is no network
 * - `signed-out`: `user` is null or `getToken` answered null
 * - `error`: the server said "stay away" (see `error` for why); no further attempt until `refresh` is called
 */
export type Status =
  | 'idle'
  | 'connecting'
  | 'live'
  | 'reconnecting'
  | 'stale'
  | 'offline'
  | 'signed-out'
  | 'error'

/** What went wrong last, in the words of the server's problem answer. */
export interface CreditsProblem {
  /** Stable code of the server (`token_expired`, …) or `network`, `connect_failed`, `wrong_user`, `unreadable`. */
  readonly code: string
  /** A sentence for people. */
  readonly detail: string
  /** HTTP status or WebSocket close code, where there was one. */
  readonly status?: number
}

export interface Balance {
  readonly settled: number
  readonly held: number
  /** `settled - held`: what can be spent. */
  readonly available: number
}

/** The entry that brought an account into its state. */
export interface Cause {
  readonly entry: string
  readonly kind: string
  /** Signed effect of the entry. */
  readonly amount: number
  readonly label: string | null
}

export interface NextExpiry {
  /** RFC 3339. */
  readonly at: string
  readonly amount: number
}

/** One account as a component shows it: the confirmed state with the optimistic changes on top. */
export interface AccountView {
  readonly user: string
  readonly unit: string
  /** The number to show: `available` plus every pending optimistic delta. */
  readonly credits: number
  /** Confirmed by the ledger. */
  readonly available: number
  readonly held: number
  readonly settled: number
  /** Counts the account's entries; 0 = no entry yet. */
  readonly version: number
  /** Decimal places that people see and type. */
  readonly scale: number
  /** How many optimistic changes are not confirmed yet. */
  readonly pending: number
  /** When the account last changed (ms since 1970), null at version 0. */
  readonly updatedAt: number | null
  readonly cause: Cause | null
  readonly nextExpiry: NextExpiry | null
  /** The balance has fallen below the threshold that the operators set for the unit or for this user. */
  readonly low: boolean
}

/** The current user's account of one unit, and how far it can be trusted. */
export interface CreditsSnapshot extends Omit<AccountView, 'user'> {
  /** Whose numbers these are; null while unknown or signed out. */
  readonly user: string | null
  /** True until the first number of this user is known. `credits` is 0 meanwhile. */
  readonly loading: boolean
  readonly status: Status
  /** When the status began (ms since 1970; 0 = before anything began); for `stale` and `offline`, when the number was last known to be right. */
  readonly since: number
  readonly error: CreditsProblem | null
}

/**
 * Gives the credential of the screen: a screen token, or for an operator a live token.
 *
 * `fresh` is true after the server refused the last one: a host that caches tokens must fetch a new
 * one then. Answer null when nobody is signed in; throw when the token could not be had (it is tried
 * again with backoff).
 */
export type GetToken = (request: { readonly fresh: boolean }) => string | null | Promise<string | null>

export interface CreditsOptions {
  /** Where the service is mounted: `""`, `"/billing/credits"` or an absolute address. */
  readonly url: string
  readonly getToken: GetToken
  /**
   * The signed-in user by the host's own id. Null = signed out. Left out = whoever the token names;
   * then tabs do not share one connection, because its name would have to be known before.
   */
  readonly user?: string | null | undefined
  /** The unit that `credits` counts. Default `"credits"`. */
  readonly unit?: string | undefined
  /** The token is an operator's: `watch` and `follow` work, `broadcast` also asks the server to push again. */
  readonly operator?: boolean | undefined
  /** Trace every frame and every step of the connection by `console.debug`. */
  readonly debug?: boolean | undefined
  /** The log lines of the original design, by `console.log`. Default: on in development builds. */
  readonly log?: boolean | undefined
}

/** What `on` can listen to, and what the callback gets. */
export interface CreditsEvents {
  /** A user's credits changed, or somebody broadcast that they did. */
  update: (userId: string) => void
  /** Voucher data should be read again. */
  vouchers: () => void
  /** Order data should be read again. */
  orders: () => void
  /** Packages should be read again. */
  packages: () => void
  status: (status: Status, since: number) => void
  /** Lists that moved on the server: `orders`, `vouchers`, `packages`, `history`; for operators also `users`, `audit`, … */
  changed: (lists: readonly string[]) => void
}

/**
 * A change's answer as far as optimism reads it. Whatever else the promise resolves to is handed
 * through; without a version the store reads the balance once to settle.
 */
export interface ChangeAnswer {
  readonly version?: number
  readonly epoch?: string
  readonly user_id?: string
  readonly unit?: string
  readonly balance?: Balance
}

export interface OptimisticOptions {
  /** Default: the store's unit. */
  readonly unit?: string | undefined
  /** Operators: whose account; default the current user's. */
  readonly user?: string | undefined
  /** A key that was kept from an earlier attempt of the same change; default a fresh one. */
  readonly key?: string | undefined
}

export interface WatchOptions {
  /**
   * The page is about these users: their screens tell the server at once what they have painted, for as long
   * as the page is looked at.
   */
  readonly open?: boolean | undefined
}

/** What an operator offers to buy. */
export interface Package {
  readonly id: string
  readonly name: string
  readonly description?: string | null
  readonly credits: number
  readonly unit: string
  /** In the currency's smallest step. */
  readonly price_minor: number
  /** ISO 4217. */
  readonly currency: string
  /** How long the credits hold, from fulfilment on; null = without end. */
  readonly validity_s: number | null
  /** Ascending: the order of display. */
  readonly position?: number
}

/** Who pays for an order. */
export interface Billing {
  readonly organisation?: string | null
  readonly purchaser?: string | null
  readonly address?: string | null
  readonly email?: string | null
}

/** What goes with an order beside the package. */
export interface OrderTerms {
  readonly billing?: Billing | null | undefined
  /** The buyer's own number for it, as it stands on their papers. */
  readonly purchaseReference?: string | null | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined
  /** The package as the buyer saw it: where it is another by now, nothing is ordered (`package_changed`). */
  readonly shown?: ShownPackage | null | undefined
}

/** What a buyer decides by; a whole `Package` will do. */
export type ShownPackage = Partial<
  Pick<Package, 'credits' | 'unit' | 'price_minor' | 'currency' | 'validity_s'>
>

export type OrderState = 'pending' | 'fulfilled' | 'cancelled' | 'refunded'

/** One order, with the package as it was when it was ordered. */
export interface Order {
  readonly id: string
  readonly user_id: string
  readonly package: Package
  readonly state: OrderState
  readonly billing: Billing | null
  readonly purchase_reference: string | null
  readonly metadata?: Readonly<Record<string, unknown>> | null
  readonly created_at: string
  readonly fulfilled_at: string | null
  readonly cancelled_at: string | null
  readonly cancel_reason: string | null
  readonly refunded_at: string | null
  /** The entry that granted the credits, once fulfilled. */
  readonly entry: string | null
}

/** One redemption of the user's: a code that paid. Or a voucher that was made for the user and waits (`open`). */
export interface Redemption {
  readonly state: 'open' | 'redeemed'
  /** The entry of the ledger; names the redemption. Null while it waits. */
  readonly entry: string | null
  readonly voucher: string
  readonly code: string
  readonly amount: number
  readonly unit: string
  readonly label: string | null
  /** Null while it waits. */
  readonly redeemed_at: string | null
  /** When the credits end, or until when it waits; null = never. */
  readonly expires_at: string | null
  /** It was given at the user's first appearance, without a code being typed. */
  readonly welcome: boolean
}

/** The answer of a redeemed voucher. */
export interface Redeemed extends Required<ChangeAnswer> {
  readonly entry: string
  readonly amount: number
  readonly credits: number
  readonly voucher: string
}

/** The lists of the user's own shop, by name, and what stands in them. */
export interface ShopItems {
  readonly orders: Order
  readonly vouchers: Redemption
  readonly packages: Package
}
export type ShopListName = keyof ShopItems

/** A list as a component shows it: newest first, as far as it was read. The same object until it changed. */
export interface ShopList<T> {
  readonly items: readonly T[]
  /** True until the first answer of this user's list; `items` is empty meanwhile. */
  readonly loading: boolean
  /** Why the last read failed; `items` is then what was known before. */
  readonly error: ChangeProblem | null
  /** Reads the next older page; null where there is none. Never rejects. */
  readonly loadMore: (() => Promise<void>) | null
  /** Reads again as much as is shown. Never rejects. */
  readonly refresh: () => Promise<void>
}

/** A list without a framework. It is read, and again whenever it moved, while somebody is subscribed. */
export interface ListSource<T> {
  get(): ShopList<T>
  subscribe(listener: () => void): () => void
}

/** The user's lists, each for itself. */
export type CreditsLists = { readonly [N in ShopListName]: ListSource<ShopItems[N]> }

/**
 * Why a change of the shop did not happen, or is not known to have happened: an `Error` whose `message` is
 * the `detail`. Further facts of the answer (`state`, `errors`, …) stand on it under their own names.
 *
 * - `wrong_check_symbol`: a typing error in a voucher's code, found in the browser; nothing was sent
 * - `network` and statuses from 500 on: it may have happened. The key is kept: the same call again is safe
 */
export interface ChangeProblem extends Error, CreditsProblem {
  /** What is wrong with which field of the request, by the field's path (`billing.email`). */
  readonly errors?: readonly { readonly field: string; readonly message: string }[]
}

/** One user's credits, outside any framework. Connects while somebody is subscribed. All functions are bound. */
export interface CreditsStore {
  readonly user: string | null | undefined
  readonly unit: string
  /** The same object until something in it changed. `unit` defaults to the store's. */
  getSnapshot(unit?: string): CreditsSnapshot
  /** Calls back after every change. The first subscriber connects; after the last one left, a second of grace. */
  subscribe(listener: () => void): () => void
  /** Reads the balance by HTTP. Joins a read under way unless forced. Never rejects: see `error` in the snapshot. */
  refresh(options?: { readonly force?: boolean; readonly unit?: string }): Promise<void>
  /** Reads if `userId` is the current user, then calls every `update` callback in any case. Never rejects. */
  refreshUser(userId: string): Promise<void>
  /** Calls every `update` callback at once and tells this browser's other tabs. Never throws. */
  broadcast(userId: string): void
  /** Calls every `vouchers` callback. */
  refreshVouchers(): void
  /** Callbacks are a set; one that throws does not stop the others; removing twice is harmless. */
  on<E extends keyof CreditsEvents>(event: E, callback: CreditsEvents[E]): () => void
  /**
   * Shows `delta` at once, runs `change` with a fresh idempotency key, and lets the delta go when the
   * ledger's own number contains it. On rejection the delta is dropped and the rejection handed on.
   *
   * The key must reach the ledger as the user's own (`as_user` on the server): then the push names it, and
   * nothing flickers. With another key the delta stands until the answer's version is there, so a push
   * that overtakes the answer shows the change twice for that moment.
   */
  optimistic<T>(delta: number, change: (key: string) => Promise<T>, options?: OptimisticOptions): Promise<T>
  /**
   * Redeems a voucher. Its idempotency key is kept in the tab's session storage from before the request is
   * sent until a definite answer came, so neither a retry nor a reload redeems twice. Calls that run already
   * are joined. Spaces, dashes and small letters in the code do not matter.
   *
   * @throws ChangeProblem
   */
  redeem(code: string): Promise<Redeemed>
  /**
   * Orders a package; credits come when it is fulfilled. A key as for `redeem`: the same package with the
   * same terms is the same order until the answer is known.
   *
   * @throws ChangeProblem
   */
  order(packageId: string, terms?: OrderTerms): Promise<Order>
  /**
   * Takes an own order back that is still pending.
   *
   * @throws ChangeProblem `order_closed` where it is not.
   */
  cancelOrder(orderId: string): Promise<Order>
  /** The user's orders, vouchers and packages. Loads what they take; the same object for the store's whole life. */
  lists(): Promise<CreditsLists>
  /** Operators: keeps these users' accounts live. Counted, so every watcher just calls its own stop. */
  watch(userIds: readonly string[], options?: WatchOptions): () => void
  /** A watched user's account; undefined until its first state arrived. The same object until it changed. */
  getWatched(userId: string, unit?: string): AccountView | undefined
  /** Operators: be told by `changed` when these lists move. Counted like `watch`. */
  follow(lists: readonly string[]): () => void
  /** Ends the connection for good, at once; nothing is called back afterwards. */
  close(): void
}
