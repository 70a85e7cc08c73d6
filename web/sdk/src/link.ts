/**
 * Carries out what `connection.ts` decides: timers, the transport, tokens.
 *
 * Promise: nothing of a former socket, timer or token request reaches the machine. It must not know
 * balances or tabs.
 *
 * The odd one: a timer that fires seconds late means that the machine slept, not that the server was
 * silent. It is turned into a wake, because the answer may be waiting in the socket already.
 */
import { type Action, newConnection, statusOf, steps, type TimerName } from './connection.js'
import type { Environment } from './environment.js'
import { type ClientFrame, parseFrame, type ServerFrame, type Versions } from './frames.js'
import type { Transport, Wire } from './transport.js'
import type { Status } from './types.js'

/** So late is no timer but after a sleep. */
export const SLEPT_MS = 5_000
const LONGEST_TIMER_MS = 2 ** 31 - 1
const WRONG_TOKEN = 4201

export interface LinkHandlers {
  /** The token, from memory unless `fresh`; null when nobody is signed in. May reject. */
  credential(fresh: boolean): Promise<string | null>
  /** What the screen shows already, for the `auth` frame. */
  holds(): { readonly epoch: string; readonly held: Versions } | false
  /** False where the connection must not be used: it is another user's. */
  frame(frame: ServerFrame): boolean
  status(status: Status): void
  problem(reason: unknown): void
  trace(...what: readonly unknown[]): void
}

export interface Link {
  start(): void
  stop(): void
  /** False when there is no live connection to say it on. */
  send(frame: ClientFrame): boolean
  wake(): void
  network(): void
  heartbeat_ms(): number
  isLive(): boolean
}

type Steps = typeof steps
type Rest<N extends keyof Steps> = Parameters<Steps[N]> extends [unknown, unknown, ...infer R] ? R : []

export function createLink(
  environment: Environment,
  address: string,
  transport: Transport,
  handlers: LinkHandlers,
): Link {
  let connection = newConnection
  let wire: Wire | undefined
  let token = ''
  let request = 0
  let heard = 0
  const timers = new Map<string, () => void>()
  let told = statusOf(connection)

  function tell<N extends keyof Steps>(name: N, ...rest: Rest<N>): void {
    const step = steps[name] as (...input: readonly unknown[]) => ReturnType<typeof steps.start>
    const [after, due, ...todo] = step(connection, environment.random(), ...rest)
    connection = after
    handlers.trace(name, rest, after, due, todo)
    for (const [timer, ms] of Object.entries(due)) setTimer(timer as TimerName, ms)
    for (const action of todo) actions[action]()
    // An action may have caused the next event already; people are told of the newest status only.
    const status = statusOf(connection)
    if (status === told) return
    told = status
    handlers.status(status)
  }

  const actions: Record<Action, () => void> = {
    token: askToken,
    open() {
      const auth = { type: 'auth', token, ...handlers.holds() } as const
      wire = transport(environment, address, auth, { frame: hear, closed: lost })
    },
    close() {
      request += 1
      wire?.close()
      wire = undefined
    },
    auth: () => wire?.send({ type: 'auth', token, ...handlers.holds() }),
    resync: () => wire?.send({ type: 'resync' }),
  }

  function setTimer(timer: TimerName, ms: number): void {
    timers.get(timer)?.()
    timers.delete(timer)
    if (!ms) return
    const due = environment.now() + ms
    const ring = () => {
      if (timer === 'liveness' && environment.now() > due + SLEPT_MS) tell('wake', Number.POSITIVE_INFINITY)
      else tell(timer)
    }
    timers.set(timer, environment.setTimer(ring, Math.min(ms, LONGEST_TIMER_MS)))
  }

  async function askToken(): Promise<void> {
    request += 1
    const mine = request
    try {
      const given = await handlers.credential(connection.fresh)
      if (mine !== request) return
      token = given ?? ''
      tell(given === null ? 'noToken' : 'token')
    } catch (reason) {
      if (mine !== request) return
      // No token, or a socket that could not even be made from it (an address that the page may not use).
      handlers.problem({ code: 'connect_failed', detail: String(reason) })
      tell('tokenFailed')
    }
  }

  function lost(code: number, reason: string, retry_after_ms?: number): void {
    wire = undefined
    if (code > 4001) {
      const [name = '', detail = reason] = reason.split(': ')
      handlers.problem({ code: name, detail, status: code })
    }
    tell('closed', code, retry_after_ms)
  }

  function hear(text: string): void {
    heard = environment.now()
    try {
      const frame = parseFrame(text)
      handlers.trace(frame)
      if (handlers.frame(frame)) pass(frame)
      else {
        wire?.close()
        lost(WRONG_TOKEN, 'wrong_user: The token is of another user.')
      }
    } catch (error) {
      // One unreadable frame is not worth the connection: the next tick heals what it held.
      handlers.problem({ code: 'unreadable', detail: String(error) })
    }
  }

  function pass(frame: ServerFrame): void {
    if (frame.type === 'hello') {
      const ends = frame.token_expires_at
      tell('hello', frame.heartbeat_s * 1000, ends === null ? ends : Date.parse(ends) - environment.now())
    } else if (frame.type === 'bye') tell('bye', ...frame.reconnect_ms)
    else tell('heard')
  }

  const network = () => tell('network', !environment.online())

  return {
    start() {
      // `online` may lie, so it never keeps us from trying; it only names the reason while nothing works.
      network()
      tell('start')
    },
    stop: () => tell('stop'),
    send(frame) {
      const live = connection.phase === 'live'
      if (live) wire?.send(frame)
      return live
    },
    wake: () => tell('wake', environment.now() - heard),
    network,
    heartbeat_ms: () => connection.heartbeat_ms,
    isLive: () => connection.phase === 'live',
  }
}
