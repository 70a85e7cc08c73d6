/**
 * The frames that the server sends, as types, and the one door by which their text comes in.
 *
 * Promise: past `parseFrame` every amount and version is an exact integer. JSON has no such promise:
 * `JSON.parse` rounds 9007199254740993 to ...992 without a word, so a frame with a number beyond
 * 2^53 - 1 is refused whole instead of shown wrong. Unknown frame types pass; a later server may add some.
 */
import type { Balance, Cause, NextExpiry } from './types.js'

/** The whole current state of one account. `keys` is absent where the state came by HTTP. */
export interface StateFrame {
  readonly type: 'state'
  readonly epoch: string
  readonly user: string
  readonly unit: string
  readonly version: number
  readonly balance: Balance
  readonly scale: number
  readonly next_expiry: NextExpiry | null
  readonly changed_at: string | null
  readonly cause: Cause | null
  /** The user's own newest idempotency keys, each with the version that it became. */
  readonly keys?: readonly (readonly [string, number])[]
  readonly receipt?: boolean
  /** At or below the threshold for low balances; a server that does not tell has none. */
  readonly low?: boolean
}

/** Everything that a screen needs: what a `hello` tells of the ledger, and what one tab tells another. */
export interface WholeFrame {
  readonly type: 'hello'
  readonly epoch: string
  readonly user: string | null
  readonly accounts: readonly StateFrame[]
}

export interface HelloFrame extends WholeFrame {
  readonly heartbeat_s: number
  readonly token_expires_at: string | null
  /** False where nobody may be told what this screen painted. */
  readonly receipts?: boolean
}

export type Versions = Readonly<Record<string, number>>

export interface TickFrame {
  readonly type: 'tick'
  readonly epoch: string
  readonly versions: Versions
  readonly watched?: Readonly<Record<string, Versions>>
}

export interface ChangedFrame {
  readonly type: 'changed'
  readonly lists: readonly string[]
}

export interface ByeFrame {
  readonly type: 'bye'
  readonly reason: string
  readonly reconnect_ms: readonly [number, number]
}

export type ServerFrame = HelloFrame | StateFrame | TickFrame | ChangedFrame | ByeFrame
/** What one tab relays to another. */
export type RelayedFrame = WholeFrame | ServerFrame

/** What a screen says. `held` tells a server whose ledger is behind that it is. */
export type ClientFrame =
  | { readonly type: 'auth'; readonly token: string; readonly epoch?: string; readonly held?: Versions }
  | {
      readonly type: 'pong' | 'shown'
      readonly painted: Versions
      readonly visible: boolean
      readonly tabs: number
    }
  | { readonly type: 'resync' }
  | { readonly type: 'watch' | 'unwatch'; readonly users: readonly string[]; readonly open?: boolean }
  | { readonly type: 'follow'; readonly lists: readonly string[] }

/**
 * Reads one frame.
 *
 * @throws SyntaxError where the text is not JSON, RangeError where a number in it is not exact.
 */
export function parseFrame(text: string): ServerFrame {
  const frame = JSON.parse(text) as ServerFrame
  if (frame.type === 'state') requireExact(frame)
  if (frame.type === 'hello') frame.accounts.forEach(requireExact)
  return frame
}

/** Refuses a state whose numbers JavaScript did not keep exact. */
function requireExact({ version, balance: { settled, held, available } }: StateFrame): void {
  if (![version, settled, held, available].every(Number.isSafeInteger)) throw new RangeError('inexact number')
}
