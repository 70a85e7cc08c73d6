/**
 * How frames travel: by WebSocket, or where that does not come through, by an event stream.
 *
 * Promise: a transport brings every frame of one connection in order, then says once that it closed, and
 * says nothing any more after `close()` was called: late frames of an old screen end here. It proves
 * who it is by itself (a WebSocket by its first frame, never by its address).
 *
 * The odd one: most browsers never need the second carrier, so all that is known of it stands in `race.ts`
 * and is loaded when a socket was refused, or said nothing for three seconds.
 */
import type { Environment } from './environment.js'
import type { ClientFrame } from './frames.js'

export interface TransportEvents {
  frame(text: string): void
  closed(code: number, reason: string, retry_after_ms?: number): void
}

export interface Wire {
  send(frame: ClientFrame): void
  close(): void
}

export type AuthFrame = ClientFrame & { readonly type: 'auth' }

export type Transport = (
  environment: Environment,
  /** Absolute address of the live path, http or https. */
  address: string,
  auth: AuthFrame,
  events: TransportEvents,
) => Wire

const SUBPROTOCOL = 'livecredits.v1'
const PATIENCE_MS = 3_000
/** The socket ended without a word of the server. */
const NO_WORD = 1006
/** As in `race.ts`, which writes it; a part that is loaded later would tear it out of the core's own file. */
const STREAM_MEMORY = 'livecredits stream '

export const webSocket: Transport = (environment, address, auth, events) => {
  const socket = environment.openSocket(address.replace(/^http/, 'ws'), SUBPROTOCOL)
  // Nobody sends before the hello has come, so this is the only frame that must wait for the socket.
  socket.onopen = () => send(auth)
  socket.onmessage = ({ data }) => events.frame(data as string)
  socket.onclose = ({ code, reason }) => events.closed(code, reason)
  const send = (frame: ClientFrame) => socket.send(JSON.stringify(frame))
  return {
    send,
    close() {
      socket.onopen = socket.onmessage = socket.onclose = null
      socket.close(1000)
    },
  }
}

/** The WebSocket, and a race of both carriers where it does not greet in time. */
export const anyCarrier: Transport = (environment, address, auth, events) => {
  let isSettled = false
  let wire: Wire | undefined
  /** Where the socket's news go: here until it greets, to the race while there is one. */
  const heard: TransportEvents = {
    frame(text) {
      settle()
      Object.assign(heard, events).frame(text)
    },
    closed(code, reason) {
      wire = undefined
      if (code === NO_WORD) compete()
      else {
        settle()
        events.closed(code, reason)
      }
    },
  }
  const openSocket = () => webSocket(environment, address, auth, heard)
  const compete = () =>
    import('./race.js').then(
      ({ race }) => {
        if (isSettled) return
        settle()
        wire = race(environment, address, auth, events, { heard, openSocket, wire })
      },
      // It could not be loaded: what is left is the socket.
      () => isSettled || wire || events.closed(NO_WORD, ''),
    )
  const settle = () => {
    isSettled = true
    stopWaiting()
  }
  if (environment.now() < streamsUntil(environment, address)) compete()
  else wire = openSocket()
  // After the socket, whose making may throw: then nobody is left to take this timer back.
  const stopWaiting = environment.setTimer(compete, PATIENCE_MS)
  return {
    send: (frame) => wire?.send(frame),
    close() {
      settle()
      wire?.close()
    },
  }
}

/** Until when the stream is known to be the carrier that comes through; 0 where nothing is known. */
function streamsUntil(environment: Environment, address: string): number {
  try {
    return Number(environment.memory().getItem(STREAM_MEMORY + address))
  } catch {
    return 0
  }
}
