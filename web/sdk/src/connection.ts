/**
 * The life of one connection as a pure state machine: an event in; the next state, timers and actions out.
 *
 * Promise: it never hammers a server (full jitter from 0.5 to 20 s, calm again only after 10 s of
 * stability), obeys what the server asks (`bye` windows, Retry-After, the ranges of the close codes), and
 * never believes a silent socket (1.5 heartbeats; 2 s after a wake). It must not know sockets or the
 * clock: `link.ts` carries out what it decides, and brings it no event of a former socket or timer.
 *
 * The odd one: a token is asked for in two places. Before opening, and while live when the old one
 * is about to end; only the phase tells which.
 */
import type { Status } from './types.js'

export interface Connection {
  readonly phase: 'idle' | 'signed-out' | 'error' | 'token' | 'opening' | 'live' | 'waiting'
  /** Losses since the connection was last stable; the exponent of the backoff. */
  readonly attempt: number
  readonly stale: boolean
  readonly offline: boolean
  /** The next token must be a new one. */
  readonly fresh: boolean
  /** The server named the time of return. It runs already while the socket still stands, and a wake does not cut it short. */
  readonly told: boolean
  readonly heartbeat_ms: number
}

/** Milliseconds from now; 0 takes the timer back. */
export type Timers = Partial<Record<TimerName, number>>
export type TimerName = 'retry' | 'overdue' | 'liveness' | 'probe' | 'stable' | 'renew' | 'renewed' | 'stale'
/** `auth`: say the new token on the connection that stands. */
export type Action = 'token' | 'open' | 'close' | 'auth' | 'resync'
export type Step = readonly [Connection, Timers, ...Action[]]

/** "At once" must not read as "take the timer back". */
const SOON_MS = 1
const BACKOFF_FIRST_MS = 500
const BACKOFF_LONGEST_MS = 20_000
const STABLE_MS = 10_000
const STALE_MS = 10_000
const HELLO_MS = 10_000
const PROBE_MS = 2_000
const RENEW_MARGIN_MS = 30_000
const RENEW_AGAIN_MS = 10_000
const RENEWED_MS = 2_000

const OF_ONE_SOCKET: Timers = { overdue: 0, liveness: 0, probe: 0, stable: 0, renew: 0, renewed: 0 }
const ALL: Timers = { ...OF_ONE_SOCKET, retry: 0, stale: 0 }

export const newConnection: Connection = {
  phase: 'idle',
  attempt: 0,
  stale: false,
  offline: false,
  fresh: false,
  told: false,
  heartbeat_ms: 20_000,
}

/** What people are told. */
export function statusOf({ phase, offline, stale, attempt }: Connection): Status {
  if (phase !== 'token' && phase !== 'opening' && phase !== 'waiting') return phase
  if (offline) return 'offline'
  return stale ? 'stale' : attempt > 0 ? 'reconnecting' : 'connecting'
}

/** What can happen. `random` is from 0 to below 1: the machine draws no luck itself. */
export const steps = {
  start(connection: Connection): Step {
    if (connection.phase === 'live' || statusOf(connection) !== connection.phase) return [connection, {}]
    const fresh = connection.phase !== 'idle'
    return askToken({ ...newConnection, offline: connection.offline, fresh }, { stale: STALE_MS })
  },

  stop: ({ offline }: Connection): Step => [{ ...newConnection, offline }, ALL, 'close'],

  token(connection: Connection): Step {
    const next = { ...connection, fresh: false }
    if (connection.phase === 'live') return [next, { renewed: RENEWED_MS }, 'auth']
    return [{ ...next, phase: 'opening' }, { overdue: HELLO_MS }, 'open']
  },

  noToken: (connection: Connection): Step => [{ ...connection, phase: 'signed-out' }, ALL, 'close'],

  tokenFailed: (connection: Connection, random: number): Step =>
    connection.phase === 'live' ? [connection, { renew: RENEW_AGAIN_MS }] : lose(connection, random),

  /** @param expires_in_ms - Until the token ends; null where it never does. */
  hello(connection: Connection, _random: number, heartbeat_ms: number, expires_in_ms: number | null): Step {
    const { phase } = connection
    // A token that has ended already by this clock means that the clock is wrong: the server will say when.
    const lasts_ms = Math.max(0, expires_in_ms ?? 0)
    const timers = {
      overdue: 0,
      probe: 0,
      stale: 0,
      renew: lasts_ms - Math.min(RENEW_MARGIN_MS, lasts_ms / 3),
      liveness: heartbeat_ms * 1.5,
      ...(phase === 'opening' && { stable: STABLE_MS }),
    }
    return [{ ...connection, phase: 'live', stale: false, heartbeat_ms }, timers]
  },

  /** Any other frame. */
  heard: (connection: Connection): Step => [
    connection,
    { probe: 0, liveness: connection.heartbeat_ms * 1.5 },
  ],

  bye: (connection: Connection, random: number, low_ms: number, high_ms: number): Step => [
    { ...connection, told: true },
    { retry: SOON_MS + low_ms + random * (high_ms - low_ms) },
  ],

  closed: lose,

  /** The page came back, or a timer fired late; something was heard last `quiet_ms` ago. */
  wake(connection: Connection, _random: number, quiet_ms: number): Step {
    const { phase, told, offline } = connection
    if (phase === 'live' && quiet_ms > PROBE_MS) return [connection, { probe: PROBE_MS }, 'resync']
    if (phase === 'waiting' && !told && !offline) return askToken(connection)
    // A socket that was being opened before the sleep may never open.
    return [connection, phase === 'opening' ? { overdue: PROBE_MS } : {}]
  },

  /** A browser that says `offline` may be wrong; the probe finds out. */
  network: (connection: Connection, random: number, offline: boolean): Step =>
    steps.wake({ ...connection, offline }, random, Number.POSITIVE_INFINITY),

  // Timers

  /** While live: the server said `bye`, and the time of return has come although the socket still stands. */
  retry(connection: Connection): Step {
    if (connection.phase === 'waiting') return askToken(connection)
    const attempt = connection.attempt + 1
    const [next, timers, ...actions] = askToken({ ...connection, attempt })
    return [next, { ...OF_ONE_SOCKET, ...timers, stale: STALE_MS }, 'close', ...actions]
  },
  overdue: lose,
  liveness: loseSilent,
  probe: loseSilent,
  stable: (connection: Connection): Step => [{ ...connection, attempt: 0 }, {}],
  renew: (connection: Connection): Step => [{ ...connection, fresh: true }, {}, 'token'],
  /** A new token is checked in silence; a hello tells how long it holds. */
  renewed: (connection: Connection): Step => [connection, {}, 'resync'],
  stale: (connection: Connection): Step => [{ ...connection, stale: true }, {}],
}

const askToken = (connection: Connection, timers: Timers = {}): Step => [
  { ...connection, phase: 'token', told: false },
  // A request over a line that died in its sleep may never be answered.
  { ...timers, retry: 0, overdue: HELLO_MS },
  'token',
]

const isIn = (code: number, low: number) => code >= low && code < low + 100
/** 43xx, and the codes by which RFC 6455 blames our own bytes: the same bytes would fail again. */
const staysAway = (code: number) => isIn(code, 4300) || [1002, 1003, 1007, 1009].includes(code)

/** Our own verdict on a socket that says nothing: like 4001, reconnect now. */
function loseSilent(connection: Connection, random: number): Step {
  return lose(connection, random, 4001)
}

function lose(connection: Connection, random: number, code = 0, retry_after_ms?: number): Step {
  const { attempt, told, phase } = connection
  if (staysAway(code)) return [{ ...connection, phase: 'error' }, ALL, 'close']
  const fresh = isIn(code, 4200)
  // "Now" means now the first time; a server that says it again and again is backed off from.
  const now = attempt === 0 && (fresh || isIn(code, 4000))
  const backoff_ms = now ? 0 : random * Math.min(BACKOFF_LONGEST_MS, BACKOFF_FIRST_MS * 2 ** attempt)
  const timers: Timers = {
    ...OF_ONE_SOCKET,
    ...(!told && { retry: SOON_MS + backoff_ms + (retry_after_ms ?? 0) }),
    ...(phase === 'live' && { stale: STALE_MS }),
  }
  const patient = told || retry_after_ms !== undefined
  const next = { ...connection, phase: 'waiting', attempt: attempt + 1, told: patient } as const
  // One that never came is not waited for again: the next is asked for anew.
  return [{ ...next, fresh: fresh || phase === 'token' }, timers, 'close']
}
