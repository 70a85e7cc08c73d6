/**
 * What an operator's screen wants to be told of: users that it watches, lists that it follows.
 *
 * Promise: wishes are counted, so that two rows of one user need not know of each other; all wishes of
 * one turn of the event loop go out together; a row that unmounts and mounts again in that turn sends
 * nothing; no frame is longer than the server reads (4 KiB).
 *
 * The odd one: this file is loaded with the first wish. Users' screens have none.
 */
import type { Book } from './balance.js'
import type { Environment } from './environment.js'
import type { ClientFrame } from './frames.js'
import type { WatchOptions } from './types.js'

const LONGEST_BYTES = 3_900
/** The server's limit. Beyond it a user is not watched until another one is let go; better than to be cut off. */
const MOST_USERS = 500
/** The server believes for ten seconds that a user's page is open. */
const OPEN_AGAIN_MS = 4_000

export interface Watching {
  watch(users: readonly string[], options?: WatchOptions): () => void
  follow(lists: readonly string[]): () => void
  /** A new connection knows of no wish yet. */
  again(): void
}

/** Forgets users that the screen no longer watches. Pure. */
export const forget = (book: Book, users: ReadonlySet<string>): Book => ({
  ...book,
  accounts: new Map([...book.accounts].filter(([, state]) => !users.has(state.user))),
})

/**
 * @param send - False when nothing could be sent; then `again` is called once it can.
 * @param drop - The store's book is to be changed so: users are watched no longer.
 */
export function createWatching(
  environment: Environment,
  send: (frame: ClientFrame) => boolean,
  drop: (change: (book: Book) => Book) => void,
): Watching {
  const users = new Map<string, number>()
  const open = new Map<string, number>()
  const lists = new Map<string, number>()
  let sentUsers = new Set<string>()
  let sentLists = ''
  let due = false
  let stopRenewing = () => {}

  function soon(): void {
    if (due) return
    due = true
    environment.setTimer(() => {
      due = false
      sendWishes()
    }, 0)
  }

  function sendWishes(): void {
    const wanted = new Set([...users.keys()].slice(0, MOST_USERS))
    const gone = [...sentUsers].filter((user) => !wanted.has(user))
    const come = [...wanted].filter((user) => !sentUsers.has(user))
    const all: ClientFrame[] = [...pack('unwatch', gone), ...pack('watch', come)]
    if (followed() !== sentLists) all.push({ type: 'follow', lists: [...lists.keys()] })
    if (!all.every(send)) return
    sentUsers = wanted
    sentLists = followed()
    renew()
    if (gone.length > 0) drop((book) => forget(book, new Set(gone)))
  }

  /** Says again and again which pages are open; not while nobody looks, and no more once nothing can be sent. */
  function renew(): void {
    stopRenewing()
    const pages = [...open.keys()].filter((user) => sentUsers.has(user))
    const frames = environment.visible() ? pack('watch', pages) : []
    if (pages.length === 0 || !frames.every((frame) => send({ ...frame, open: true }))) return
    stopRenewing = environment.setTimer(renew, OPEN_AGAIN_MS)
  }

  const followed = () => [...lists.keys()].sort().join()

  function count(wishes: Map<string, number>, names: readonly string[]): () => void {
    const add = (by: number) => {
      for (const name of names) {
        const wanted = (wishes.get(name) ?? 0) + by
        if (wanted > 0) wishes.set(name, wanted)
        else wishes.delete(name)
      }
      soon()
    }
    add(1)
    let stopped = false
    return () => {
      if (!stopped) add(-1)
      stopped = true
    }
  }

  return {
    watch(names, options) {
      const stop = count(users, names)
      const stopOpen = options?.open && count(open, names)
      return () => {
        stop()
        if (stopOpen) stopOpen()
      }
    },
    follow: (names) => count(lists, names),
    again() {
      sentUsers = new Set()
      sentLists = ''
      sendWishes()
    },
  }
}

type WatchFrame = ClientFrame & { readonly type: 'watch' | 'unwatch' }

/** As few frames as the longest frame allows. */
function pack(type: WatchFrame['type'], users: readonly string[]): WatchFrame[] {
  const encoder = new TextEncoder()
  const frames: { type: typeof type; users: string[] }[] = []
  let room = 0
  for (const user of users) {
    const bytes = encoder.encode(JSON.stringify(user)).length + 1
    if (bytes > room) {
      frames.push({ type, users: [] })
      room = LONGEST_BYTES
    }
    frames.at(-1)?.users.push(user)
    room -= bytes
  }
  return frames
}
