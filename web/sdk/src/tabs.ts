/**
 * The tabs of one browser: who holds the connection, and how the others hear of it.
 *
 * Promise: in a secure context one tab (the holder of a Web Lock) connects for all tabs of the same
 * server and user; elsewhere every tab connects and the channel only keeps them agreed. A leader that
 * closes, freezes or goes into the back/forward cache hands over at once; one that falls silent is
 * replaced after two heartbeats by connections of the followers' own. Two users of one browser share
 * no channel. It must not know balances: frames pass through unread.
 *
 * The odd one: whoever leaves also takes its waiting lock request back. A frozen page that is granted
 * the lock would keep it, and starve every other tab.
 */
import type { ChannelLike, Environment, LocksLike, PageEvent } from './environment.js'
import type { RelayedFrame } from './frames.js'
import { newKey } from './keys.js'
import { type Link, SLEPT_MS } from './link.js'
import type { Status } from './types.js'

/** What a connected tab tells the others: how things stand, and the frames that came. */
export interface News {
  readonly status: Status
  readonly since: number
  readonly heartbeat_ms: number
  readonly frames: readonly RelayedFrame[]
}

/** What a tab says of itself: it came, it goes, or what it has painted. */
export interface TabWord {
  readonly tab: string
  readonly say: 'hi' | 'gone' | 'painted'
}

type Word = TabWord | ({ readonly tab: string; readonly say: 'news'; readonly leads: boolean } & News)

/** The connection that this tab makes when it is its turn. */
export type TabsLink = Pick<Link, 'start' | 'stop' | 'wake' | 'network'>

export interface TabsHandlers {
  /** The tab came to be seen, or went out of sight. */
  seen(): void
  hear(news: News): void
  /** How things stand here, for a tab that has just opened. */
  retell(): News
  hint(userId: string): void
  word(word: TabWord): void
}

export interface Tabs {
  /** True while this tab holds a connection. */
  isConnected(): boolean
  /** True while this tab's connection is the others' too. */
  leads(): boolean
  tell(news: News): void
  /** Says something of this tab to the others. */
  say(word: Omit<TabWord, 'tab'>): void
  /** Tells every tab of this server that a user's credits changed. */
  hint(userId: string): void
  /** A follower's `resync`. */
  ask(): void
  leave(): void
}

const FIRST_WORD_MS = 2_000

/**
 * @param server - Absolute address of the live path.
 * @param share - Whose connection it is; null where it cannot be shared.
 */
export function joinTabs(
  environment: Environment,
  server: string,
  share: string | null,
  link: TabsLink,
  handlers: TabsHandlers,
): Tabs {
  const tab = newKey()
  const name = `livecredits ${server}`
  let away = true
  let leads = false
  let connected = false
  let heartbeat_ms = 20_000
  let hints: ChannelLike | undefined
  let channel: ChannelLike | undefined
  let giveUpLock = () => {}
  let stopListening = () => {}

  const say = (word: object) => channel?.postMessage({ tab, ...word })

  function enter(): void {
    away = false
    hints = environment.openChannel(name)
    if (hints) hints.onmessage = ({ data }) => handlers.hint(data as string)
    channel = share === null ? undefined : environment.openChannel(`${name} ${share}`)
    if (channel) channel.onmessage = ({ data }) => listen(data as Word)
    say({ say: 'hi' })
    const locks = channel && environment.locks()
    if (locks) compete(locks)
    else connect()
  }

  function compete(locks: LocksLike): void {
    expectWord(FIRST_WORD_MS)
    const giveUp = new AbortController()
    const { signal } = giveUp
    giveUpLock = () => giveUp.abort()
    const granted = () =>
      new Promise<unknown>((release) => {
        if (signal.aborted) return release(signal)
        signal.addEventListener('abort', release)
        leads = true
        connect()
      })
    // Taken from us, or not to be had at all (an opaque origin): a connection of our own still is right.
    locks.request(`${name} ${share}`, { signal }, granted).catch(() => signal.aborted || connect())
  }

  function exit(): void {
    if (away) return
    away = true
    leads = false
    say({ say: 'gone' })
    stopListening()
    disconnect()
    giveUpLock()
    channel?.close()
    hints?.close()
    channel = hints = undefined
  }

  function connect(): void {
    stopListening()
    if (connected) return
    connected = true
    link.start()
  }

  function disconnect(): void {
    if (!connected) return
    connected = false
    link.stop()
  }

  /** A follower that hears nothing so long opens its own connection. */
  function expectWord(within_ms: number): void {
    stopListening()
    const due = environment.now() + within_ms
    stopListening = environment.setTimer(() => {
      if (environment.now() > due + SLEPT_MS) ask()
      else connect()
    }, within_ms)
  }

  function ask(): void {
    if (connected) return
    expectWord(FIRST_WORD_MS)
    say({ say: 'hi' })
  }

  function listen(word: Word): void {
    if (word.say === 'news') hear(word)
    else handlers.word(word)
    if (connected && word.say === 'hi') {
      link.wake()
      tell(handlers.retell())
    }
  }

  function hear(word: Word & { readonly say: 'news' }): void {
    heartbeat_ms = word.heartbeat_ms
    if (connected && word.leads && !leads && word.status === 'live') disconnect()
    if (!connected) expectWord(2 * heartbeat_ms)
    handlers.hear(word)
  }

  function tell(news: News): void {
    heartbeat_ms = news.heartbeat_ms
    if (connected) say({ say: 'news', leads, ...news })
  }

  function onPage(event: PageEvent): void {
    if (event === 'leave') exit()
    else if (event === 'return' && away) enter()
    else if (!away) onPageHere(event)
  }

  function onPageHere(event: PageEvent): void {
    if (event === 'network') link.network()
    if (event === 'visibility') handlers.seen()
    if (!environment.visible()) return
    if (connected) link.wake()
    else ask()
  }

  enter()
  const stopPage = environment.onPage(onPage)
  return {
    isConnected: () => connected,
    leads: () => leads,
    tell,
    say,
    hint: (userId) => hints?.postMessage(userId),
    ask,
    leave() {
      stopPage()
      exit()
    },
  }
}
