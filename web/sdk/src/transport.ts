/**
 * How frames travel. One carrier so far: the WebSocket.
 *
 * Promise: a transport brings every frame of one connection in order, then says once that it closed, and
 * says nothing any more after `close()` was called: late frames of an old screen end here. It proves
 * who it is by itself (a WebSocket by its first frame, never by its address).
 *
 * A second carrier, or a race of two, is another function of this same type: whoever races sees every
 * frame first, so "the first hello wins" needs nothing of its callers.
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

export type Transport = (
  environment: Environment,
  /** Absolute address of the live path, http or https. */
  address: string,
  auth: ClientFrame & { readonly type: 'auth' },
  events: TransportEvents,
) => Wire

const SUBPROTOCOL = 'livecredits.v1'

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
