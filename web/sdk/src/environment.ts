/**
 * Everything of the browser that the store touches, behind one narrow interface.
 *
 * Promise: nothing is touched before it is called, so a store can be made on a server; what a browser
 * lacks (Web Locks on plain HTTP) is absent here and never an error. Tests give their own environment,
 * one per tab, which is how twelve tabs fit into one process.
 *
 * The odd one: `pagehide` and `freeze` are both "leave", `pageshow` and `resume` both "return"; they come
 * in pairs and alone, depending on the browser, so whoever listens must take each twice.
 */

export type PageEvent = 'leave' | 'return' | 'visibility' | 'network'

export type SocketLike = Pick<WebSocket, 'send' | 'close' | 'onopen' | 'onmessage' | 'onclose'>
export type ChannelLike = Pick<BroadcastChannel, 'postMessage' | 'close' | 'onmessage'>
export type LocksLike = {
  request(name: string, options: { signal: AbortSignal }, granted: () => Promise<unknown>): Promise<unknown>
}

export interface Environment {
  /** Milliseconds since 1970. The wall clock, because it goes on while a laptop sleeps. */
  now(): number
  random(): number
  /** Returns the function that takes the timer back. */
  setTimer(callback: () => void, ms: number): () => void
  fetch(address: string, init: RequestInit): Promise<Response>
  openSocket(address: string, protocol: string): SocketLike
  /** Undefined where there is no BroadcastChannel. */
  openChannel(name: string): ChannelLike | undefined
  /** Undefined on plain-HTTP hosts. */
  locks(): LocksLike | undefined
  visible(): boolean
  online(): boolean
  /** When the next frame is composed; never in a hidden tab. */
  onFrame(callback: () => void): void
  onPage(callback: (event: PageEvent) => void): () => void
  /** What relative addresses are relative to. */
  base(): string
  /** What this browser remembers beyond the page. Throws where it may remember nothing. */
  memory(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
}

const PAGE_EVENTS: Readonly<Record<string, PageEvent>> = {
  pagehide: 'leave',
  freeze: 'leave',
  pageshow: 'return',
  resume: 'return',
  online: 'network',
  offline: 'network',
  visibilitychange: 'visibility',
}

export const browser: Environment = {
  // Asked for each time: tests of an app may set the clock after this was loaded.
  now: () => Date.now(),
  random: Math.random,
  setTimer(callback, ms) {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
  fetch: (address, init) => fetch(address, init),
  openSocket: (address, protocol) => new WebSocket(address, protocol),
  openChannel: (name) => (typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name)),
  locks: () => (navigator as Partial<Navigator>).locks as LocksLike | undefined,
  visible: () => document.visibilityState === 'visible',
  online: () => navigator.onLine,
  onFrame: (callback) => requestAnimationFrame(callback),
  onPage(callback) {
    const abort = new AbortController()
    // Capturing, since what happens to the document does not always bubble up to its window.
    const options = { signal: abort.signal, capture: true }
    for (const [name, event] of Object.entries(PAGE_EVENTS)) {
      addEventListener(name, () => callback(event), options)
    }
    return () => abort.abort()
  },
  base: () => document.baseURI,
  memory: () => localStorage,
}
