/**
 * The race of the two carriers, and the second of them: an event stream, read by `fetch`.
 *
 * Promise: the first hello wins and the other carrier is closed; a carrier that fails leaves the other
 * all the time there is; the server's own verdict ends the race at once. A stream that won is remembered
 * for an hour, by all tabs; a socket that wins makes them forget it.
 *
 * The odd one: only a problem with a `code` is the service's word. A proxy's own 401 or 404 says no more
 * than a socket that was cut: try again later.
 */
import type { Environment } from './environment.js'
import type { ClientFrame } from './frames.js'
import type { AuthFrame, Transport, TransportEvents, Wire } from './transport.js'

export interface Start {
  /** Where the socket's news go; the race listens there. */
  readonly heard: TransportEvents
  openSocket(): Wire
  /** The socket that is waited for; none where it failed, or was not tried because of what is remembered. */
  readonly wire: Wire | undefined
}

const STREAM_MEMORY = 'livecredits stream '
const REMEMBERED_MS = 3_600_000
const PATIENCE_MS = 3_000
const NO_WORD = 1006
const FIRST_VERDICT = 4_000
/** Close codes as a WebSocket would have had them: the range is the advice. */
const VERDICTS: Readonly<Record<number, number>> = { 401: 4201, 403: 4301, 429: 4100, 503: 4100 }
/** The server takes 16 KiB at once, and no frame is longer than 4. */
const FRAMES_AT_ONCE = 4

type Name = 'socket' | 'stream'

/** @returns What stands for both carriers, and then for the one that won. */
export function race(
  environment: Environment,
  address: string,
  auth: AuthFrame,
  events: TransportEvents,
  { heard, openSocket, wire }: Start,
): Wire {
  const runners = new Map<Name, Wire>()
  const tried = new Set<Name>()
  let winner: Name | undefined

  const newsOf = (name: Name): TransportEvents => ({
    frame(text) {
      win(name)
      events.frame(text)
    },
    closed(code, reason, retry_after_ms) {
      runners.delete(name)
      if (!winner && code < FIRST_VERDICT && (enterOther(name) || runners.size > 0)) return
      close()
      events.closed(code, reason, retry_after_ms)
    },
  })

  function enter(name: Name, enterRunner: () => Wire): void {
    tried.add(name)
    runners.set(name, enterRunner())
  }

  const enterStream = () => enter('stream', () => eventStream(environment, address, auth, newsOf('stream')))

  /** True where the other carrier had not been tried, and is now. */
  function enterOther(than: Name): boolean {
    const isNew = tried.size === 1 && tried.has(than)
    if (isNew && than === 'socket') enterStream()
    else if (isNew) enter('socket', openSocket)
    return isNew
  }

  function win(name: Name): void {
    if (winner) return
    winner = name
    stopWaiting()
    for (const [other, runner] of runners) if (other !== name) runner.close()
    remember(environment, STREAM_MEMORY + address, name === 'stream')
  }

  function close(): void {
    stopWaiting()
    for (const runner of runners.values()) runner.close()
    runners.clear()
  }

  Object.assign(heard, newsOf('socket'))
  if (wire) enter('socket', () => wire)
  const stopWaiting = environment.setTimer(() => winner || enterOther('stream'), PATIENCE_MS)
  enterStream()
  return {
    send: (frame) => winner && runners.get(winner)?.send(frame),
    close,
  }
}

function remember({ memory, now }: Environment, name: string, isStream: boolean): void {
  try {
    if (isStream) memory().setItem(name, String(now() + REMEMBERED_MS))
    else memory().removeItem(name)
  } catch {
    // A browser that may not remember races again next time.
  }
}

const eventStream: Transport = (environment, address, auth, events) => {
  const abort = new AbortController()
  const { signal } = abort
  const waiting: ClientFrame[] = []
  let isSending = false
  let screen = ''
  let { token } = auth

  const ask = (to: string, init: RequestInit) => {
    const headers = { accept: 'text/event-stream', ...init.headers, authorization: `Bearer ${token}` }
    return environment.fetch(to, { ...init, headers, cache: 'no-store', signal })
  }

  function end(code: number, reason = '', retry_after_ms?: number): void {
    if (signal.aborted) return
    abort.abort()
    events.closed(code, reason, retry_after_ms)
  }

  function hear(text: string): void {
    const told = readObject(text)
    if (told.type === 'closed') end(told.code ?? NO_WORD, told.reason)
    if (signal.aborted) return
    screen = told.screen ?? screen
    events.frame(text)
  }

  async function listen(): Promise<void> {
    const response = await ask(address, {})
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream')
    if (!response.ok || !isStream || !response.body) return refuse(response)
    const reader = response.body.getReader()
    const decoder = new TextDecoder()
    let rest = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return end(NO_WORD)
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('data: ')) hear(line.slice(6))
    }
  }

  async function refuse(response: Response): Promise<void> {
    const { code, detail = '' } = readObject(await response.text())
    const verdict = VERDICTS[response.status]
    if (!code || !verdict) return end(NO_WORD)
    const wait_ms = Number(response.headers.get('retry-after')) * 1000
    end(verdict, `${code}: ${detail}`, wait_ms || undefined)
  }

  /** One request at a time, or frames would overtake each other. */
  async function sendWaiting(): Promise<void> {
    if (isSending) return
    isSending = true
    while (waiting.length > 0 && !signal.aborted) {
      const body = JSON.stringify(waiting.splice(0, FRAMES_AT_ONCE))
      const headers = { 'content-type': 'application/json' }
      const to = `${address}/${screen}`
      // What is lost here is asked for again: a resync by its probe, a renewal by its time.
      const answer = await ask(to, { method: 'POST', headers, body }).catch(() => null)
      // The server knows this screen no more, whatever the stream still seems to be.
      if (answer?.status === 404) end(NO_WORD)
    }
    isSending = false
  }

  listen().catch(() => end(NO_WORD))
  return {
    send(frame) {
      if (frame.type === 'auth') token = frame.token
      waiting.push(frame)
      sendWaiting()
    },
    close: () => abort.abort(),
  }
}

interface Told {
  readonly type?: string
  readonly screen?: string
  readonly reason?: string
  readonly detail?: string
  /** Of a `closed` frame a number, of a problem a name. */
  readonly code?: number & string
}

function readObject(text: string): Told {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}
