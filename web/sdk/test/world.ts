/**
 * A small world for tests: one virtual clock, one scripted server, one browser with as many tabs as wanted.
 *
 * Promise: nothing here waits for real time, and nothing is more obliging than the real thing. Web Locks
 * queue and are released only by their holder, its abort or its end; channels deliver later, never to
 * the speaker, and only clones; a frozen page's timers and messages stand still; a dead line says nothing.
 *
 * The odd one: `settle` lets promises run by real `setImmediate` rounds, since modules that are loaded on
 * demand resolve outside of any virtual clock.
 */
import type { ChannelLike, LocksLike, PageEvent, SocketLike } from '../src/environment.js'
import type { ClientFrame, StateFrame } from '../src/frames.js'
import type { ShopEnvironment } from '../src/shop.js'
import { ShopDesk } from './shop-desk.js'
import { Stream } from './stream.js'

// Loaded on demand by the store; here once, so that later loads resolve at once.
await Promise.all([
  import('../src/http.js'),
  import('../src/watching.js'),
  import('../src/shop.js'),
  import('../src/receipts.js'),
  import('../src/race.js'),
])

export async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) await new Promise((resume) => setImmediate(resume))
}

function storageOf(kept: Map<string, string>) {
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => void kept.set(name, value),
    removeItem: (name: string) => void kept.delete(name),
  }
}

interface Timer {
  due: number
  readonly callback: () => void
  readonly tab: Tab | undefined
}

export class World {
  now = Date.parse('2026-01-01T00:00:00Z')
  readonly server = new Server(this)
  readonly tabs: Tab[] = []
  readonly channels = new Map<string, Set<Channel>>()
  readonly locks = new Map<string, { holder: Tab | undefined; queue: { tab: Tab; grant: () => void }[] }>()
  random = 0.5
  readonly #local = new Map<string, string>()
  /** The browser's local storage: one for all tabs. */
  readonly memory = storageOf(this.#local)
  #timers: Timer[] = []

  at(ms: number, callback: () => void, tab?: Tab): () => void {
    const timer = { due: this.now + ms, callback, tab }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Lets virtual time pass; promises settle after every timer. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms
    await settle()
    for (;;) {
      const due = this.#timers.filter((timer) => timer.due <= end && !timer.tab?.frozen)
      const next = due.reduce<Timer | undefined>((a, b) => (a && a.due <= b.due ? a : b), undefined)
      if (!next) break
      this.now = Math.max(this.now, next.due)
      this.#timers = this.#timers.filter((timer) => timer !== next)
      if (!next.tab?.closed) next.callback()
      await settle()
    }
    this.now = end
  }

  openTab(options: Partial<Pick<Tab, 'secure' | 'visible'>> = {}): Tab {
    const tab = Object.assign(new Tab(this), options)
    this.tabs.push(tab)
    return tab
  }
}

/** One page. `environment` is what its store is given. */
export class Tab {
  secure = true
  visible = true
  online = true
  frozen = false
  closed = false
  /** The browser may remember nothing beyond the page. */
  forgetful = false
  readonly sockets: Socket[] = []
  readonly channels: Channel[] = []
  readonly requests: { address: string; init: RequestInit }[] = []
  /** The session storage: it outlives the page, so a test hands it on to the tab that reloads. */
  storage = new Map<string, string>()
  readonly #listeners = new Set<(event: PageEvent) => void>()

  constructor(readonly world: World) {}

  readonly environment: ShopEnvironment = {
    storage: () => storageOf(this.storage),
    now: () => this.world.now,
    random: () => this.world.random,
    setTimer: (callback, ms) => this.world.at(ms, callback, this),
    fetch: async (address, init) => {
      this.requests.push({ address, init })
      return this.world.server.answer(address, init, this)
    },
    openSocket: (address) => {
      const socket = new Socket(this, address)
      this.sockets.push(socket)
      return socket
    },
    openChannel: (name) => new Channel(this, name),
    locks: () => (this.secure ? this.#locks : undefined),
    visible: () => this.visible,
    online: () => this.online,
    onFrame: (callback) => {
      this.world.at(16, () => this.visible && callback(), this)
    },
    onPage: (callback) => {
      this.#listeners.add(callback)
      return () => this.#listeners.delete(callback)
    },
    base: () => 'https://shop.test/page',
    memory: () => {
      if (this.forgetful) throw new DOMException('forbidden', 'SecurityError')
      return this.world.memory
    },
  }

  get openSockets(): Socket[] {
    return this.sockets.filter((socket) => socket.isOpen)
  }

  tell(event: PageEvent): void {
    for (const listener of [...this.#listeners]) listener(event)
  }

  show(visible: boolean): void {
    this.visible = visible
    this.tell('visibility')
  }

  /** Into the back/forward cache, or frozen in the background; the events come in a pair, as in browsers. */
  freeze(events: readonly PageEvent[] = ['leave', 'leave']): void {
    for (const event of events) this.tell(event)
    this.frozen = true
  }

  thaw(events: readonly PageEvent[] = ['return', 'return']): void {
    this.frozen = false
    for (const event of events) this.tell(event)
  }

  /** Gone without a word, as a crash would be. */
  close(): void {
    this.closed = true
    for (const socket of this.openSockets) socket.drop()
    for (const channel of [...this.channels]) channel.close()
    for (const [name, lock] of this.world.locks) {
      lock.queue = lock.queue.filter((waiting) => waiting.tab !== this)
      if (lock.holder === this) this.#release(name)
    }
  }

  readonly #locks: LocksLike = {
    request: (name, { signal }, granted) =>
      new Promise((resolve, reject) => {
        const lock = this.world.locks.get(name) ?? { holder: undefined, queue: [] }
        this.world.locks.set(name, lock)
        const waiting = {
          tab: this,
          grant: () => {
            lock.holder = this
            const done = granted()
            void done.then((value) => {
              if (lock.holder === this) this.#release(name)
              resolve(value)
            })
          },
        }
        lock.queue.push(waiting)
        signal.addEventListener('abort', () => {
          if (!lock.queue.includes(waiting)) return
          lock.queue = lock.queue.filter((other) => other !== waiting)
          reject(signal.reason)
        })
        this.world.at(0, () => this.#grantNext(name))
      }),
  }

  #release(name: string): void {
    const lock = this.world.locks.get(name)
    if (lock) lock.holder = undefined
    this.world.at(0, () => this.#grantNext(name))
  }

  #grantNext(name: string): void {
    const lock = this.world.locks.get(name)
    if (!lock || lock.holder) return
    lock.queue.shift()?.grant()
  }
}

export class Channel implements ChannelLike {
  onmessage: ChannelLike['onmessage'] = null
  #open = true

  constructor(
    readonly tab: Tab,
    readonly name: string,
  ) {
    const peers = tab.world.channels.get(name) ?? new Set()
    tab.world.channels.set(name, peers.add(this))
    tab.channels.push(this)
  }

  postMessage(data: unknown): void {
    if (!this.#open) throw new DOMException('closed', 'InvalidStateError')
    const { world } = this.tab
    for (const peer of world.channels.get(this.name) ?? []) {
      if (peer === this) continue
      const clone = structuredClone(data)
      const deliver = () => peer.#open && peer.onmessage?.call(null as never, { data: clone } as MessageEvent)
      world.at(1, () => deliver(), peer.tab)
    }
  }

  close(): void {
    this.#open = false
    this.tab.world.channels.get(this.name)?.delete(this)
  }
}

export class Socket implements SocketLike {
  onopen: SocketLike['onopen'] = null
  onmessage: SocketLike['onmessage'] = null
  onclose: SocketLike['onclose'] = null
  isOpen = false
  user: string | null | undefined
  watched = new Set<string>()
  follows: readonly string[] = []
  readonly said: ClientFrame[] = []
  #opened = false

  constructor(
    readonly tab: Tab,
    readonly address: string,
  ) {
    tab.world.server.sockets.push(this)
    tab.world.at(5, () => this.#open())
  }

  send(text: string): void {
    if (!this.#opened) throw new DOMException('still connecting', 'InvalidStateError')
    if (!this.isOpen) return
    const frame = JSON.parse(text) as ClientFrame
    this.said.push(frame)
    this.tab.world.at(5, () => this.isOpen && this.tab.world.server.hear(this, frame))
  }

  close(): void {
    this.isOpen = false
  }

  /** The server closes. */
  end(code: number, reason = ''): void {
    if (!this.isOpen) return
    this.tab.world.at(5, () => this.#closed(code, reason), this.tab)
  }

  /** The line is cut; neither side hears of the other any more. */
  drop(): void {
    this.isOpen = false
  }

  receive(frame: object | string): void {
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame)
    const deliver = () => this.isOpen && this.onmessage?.call(null as never, { data: text } as MessageEvent)
    this.tab.world.at(5, () => deliver(), this.tab)
  }

  saidOf<T extends ClientFrame['type']>(type: T): (ClientFrame & { type: T })[] {
    return this.said.filter((frame): frame is ClientFrame & { type: T } => frame.type === type)
  }

  #open(): void {
    if (this.tab.closed) return
    const { down, blocksSockets } = this.tab.world.server
    if (blocksSockets === 'in silence') return
    this.isOpen = this.#opened = !down && !blocksSockets
    if (this.isOpen) this.onopen?.call(null as never, {} as Event)
    else this.#closed(1006, '')
  }

  #closed(code: number, reason: string): void {
    this.isOpen = false
    this.onclose?.call(null as never, { code, reason } as CloseEvent)
  }
}

type Peer = Socket | Stream

/** A ledger and its live path, as the design page on live delivery has them. Token `screen:ada` is Ada's. */
export class Server {
  epoch = 'ep_1'
  heartbeat_s = 20
  units: readonly string[] = ['credits']
  down = false
  /** Takes everything in and says nothing. */
  silent = false
  /** A proxy that lets no WebSocket through: it refuses the handshake, or never answers it. */
  blocksSockets: 'refused' | 'in silence' | undefined
  /** A proxy that holds an event stream's bytes back. */
  buffersStreams = false
  /** May anybody know what a screen painted? */
  receipts: boolean | undefined
  readonly streams: Stream[] = []
  tokenLasts_ms: number | null = null
  refuse: [number, string] | undefined
  /** What the next HTTP request is answered with, instead of the truth. */
  nextAnswer: Response | undefined
  readonly sockets: Socket[] = []
  readonly broadcasts: string[] = []
  readonly shop = new ShopDesk(this)
  readonly states = new Map<string, StateFrame>()

  constructor(readonly world: World) {}

  state(user: string, unit = 'credits'): StateFrame {
    return (
      this.states.get(`${user} ${unit}`) ?? {
        type: 'state',
        epoch: this.epoch,
        user,
        unit,
        version: 0,
        balance: { settled: 0, held: 0, available: 0 },
        scale: 0,
        next_expiry: null,
        changed_at: null,
        cause: null,
        keys: [],
      }
    )
  }

  /** Commits one change, without telling anybody. */
  commit(user: string, amount: number, { unit = 'credits', key = '' } = {}): StateFrame {
    const before = this.state(user, unit)
    const version = before.version + 1
    const settled = before.balance.settled + amount
    const keys = key ? [...(before.keys ?? []), [key, version] as const].slice(-16) : before.keys
    const state: StateFrame = {
      ...before,
      epoch: this.epoch,
      version,
      balance: { ...before.balance, settled, available: settled - before.balance.held },
      changed_at: new Date(this.world.now).toISOString(),
      cause: { entry: `ent_${version}`, kind: 'adjust', amount, label: null },
      keys: keys ?? [],
    }
    this.states.set(`${user} ${unit}`, state)
    return state
  }

  /** Commits one change and pushes it to whoever shows it. */
  change(user: string, amount: number, options: { unit?: string; key?: string } = {}): StateFrame {
    const state = this.commit(user, amount, options)
    this.push(state)
    return state
  }

  push(frame: StateFrame): void {
    for (const socket of this.live) {
      if (socket.user === frame.user || socket.watched.has(frame.user)) this.#say(socket, frame)
    }
  }

  get live(): Peer[] {
    return [...this.sockets, ...this.streams].filter((peer) => peer.isOpen && peer.user !== undefined)
  }

  hint(...lists: string[]): void {
    for (const socket of this.live) this.#say(socket, { type: 'changed', lists })
  }

  hintUser(user: string, ...lists: string[]): void {
    for (const socket of this.live) if (socket.user === user) this.#say(socket, { type: 'changed', lists })
  }

  tick(): void {
    for (const socket of this.live) this.#say(socket, this.#tickOf(socket))
  }

  /** A re-send that somebody asked for: a hello whose states want receipts. */
  sendAgain(): void {
    for (const socket of this.live) {
      const hello = this.#hello(socket) as { accounts: StateFrame[] }
      this.#say(socket, { ...hello, accounts: hello.accounts.map((state) => ({ ...state, receipt: true })) })
    }
  }

  /** Ticks from now on, one every heartbeat. */
  keepTicking(): void {
    this.world.at(this.heartbeat_s * 1000, () => {
      this.tick()
      this.keepTicking()
    })
  }

  hear(socket: Peer, frame: ClientFrame): void {
    if (this.silent) return
    if (frame.type === 'auth') this.#admit(socket, frame.token)
    if (frame.type === 'resync') this.#say(socket, this.#hello(socket))
    if (frame.type === 'follow') socket.follows = frame.lists
    if (frame.type === 'unwatch') for (const user of frame.users) socket.watched.delete(user)
    if (frame.type !== 'watch') return
    for (const user of frame.users) {
      socket.watched.add(user)
      for (const unit of this.units) this.#say(socket, this.state(user, unit))
    }
  }

  async answer(address: string, init: RequestInit, tab: Tab): Promise<Response> {
    const answer = this.nextAnswer
    this.nextAnswer = undefined
    if (answer) return answer
    if (this.down) throw new TypeError('Failed to fetch')
    const url = new URL(address, 'https://shop.test')
    const told = await this.shop.answer(url, init)
    if (told) return told
    const { headers, method } = init
    const live = /\/credits\/live(?:\/(.+))?$/.exec(url.pathname)
    if (live) return this.#stream(live[1], init, tab)
    if (method === 'POST') {
      this.broadcasts.push(decodeURIComponent(url.pathname.split('/').at(-2) ?? ''))
      return Response.json({})
    }
    const token = (headers as Record<string, string>)['authorization']?.replace('Bearer screen:', '') ?? ''
    const { user, unit, version, epoch, balance, next_expiry } = this.state(
      token,
      url.searchParams.get('unit') ?? 'credits',
    )
    return Response.json({
      user_id: user,
      unit,
      version,
      epoch,
      balance,
      credits: balance.available,
      next_expiry,
    })
  }

  #stream(screen: string | undefined, init: RequestInit, tab: Tab): Response {
    const token = (init.headers as Record<string, string>)['authorization']?.replace('Bearer ', '') ?? ''
    if (screen !== undefined) {
      const stream = this.streams.find((one) => one.screen === screen)
      if (!stream?.isOpen) return Response.json({ code: 'not_found' }, { status: 404 })
      const frames = JSON.parse(String(init.body)) as ClientFrame[]
      stream.said.push(...frames)
      for (const frame of frames) this.hear(stream, frame)
      return new Response(null, { status: 204 })
    }
    const stream = new Stream(tab, `scr_${this.streams.length + 1}`, init)
    this.streams.push(stream)
    this.#admit(stream, token)
    return stream.response
  }

  #admit(socket: Peer, token: string): void {
    if (this.refuse) socket.end(...this.refuse)
    else if (socket.user === undefined) {
      socket.user = token === 'operator' ? null : token.replace('screen:', '')
      this.#say(socket, this.#hello(socket))
    }
  }

  #hello(socket: Peer): object {
    const users = [...(socket.user ? [socket.user] : []), ...socket.watched]
    const lasts = this.tokenLasts_ms
    return {
      type: 'hello',
      protocol: 1,
      epoch: this.epoch,
      screen: socket instanceof Stream ? socket.screen : 'scr_0',
      ...(this.receipts !== undefined && { receipts: this.receipts }),
      heartbeat_s: this.heartbeat_s,
      token_expires_at: lasts === null ? null : new Date(this.world.now + lasts).toISOString(),
      user: socket.user,
      accounts: users.flatMap((user) => this.units.map((unit) => this.state(user, unit))),
    }
  }

  #tickOf(socket: Peer): object {
    const versions = (user: string) =>
      Object.fromEntries(this.units.map((unit) => [unit, this.state(user, unit).version]))
    return {
      type: 'tick',
      epoch: this.epoch,
      versions: socket.user ? versions(socket.user) : {},
      watched: Object.fromEntries([...socket.watched].map((user) => [user, versions(user)])),
    }
  }

  #say(socket: Peer, frame: object): void {
    if (!this.silent) socket.receive(frame)
  }
}
