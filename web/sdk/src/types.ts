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
}

/** The current user's account of one unit, and how far it can be trusted. */
export interface CreditsSnapshot extends Omit<AccountView, 'user'> {
  /** Whose numbers these are; null while unknown or signed out. */
  readonly user: string | null
  /** True until the first number of this user is known. `credits` is 0 meanwhile. */
  readonly loading: boolean
  readonly status: Status
  /** When the status began (ms since 1970); for `stale` and `offline`, when the number was last known to be right. */
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
  status: (status: Status, since: number) => void
  /** Lists that moved on the server: `orders`, `vouchers`, `history`; for operators also `users`, `audit`, … */
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
  /** Operators: keeps these users' accounts live. Counted, so every watcher just calls its own stop. */
  watch(userIds: readonly string[]): () => void
  /** A watched user's account; undefined until its first state arrived. The same object until it changed. */
  getWatched(userId: string, unit?: string): AccountView | undefined
  /** Operators: be told by `changed` when these lists move. Counted like `watch`. */
  follow(lists: readonly string[]): () => void
  /** Ends the connection for good, at once; nothing is called back afterwards. */
  close(): void
}
