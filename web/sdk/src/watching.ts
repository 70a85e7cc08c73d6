/**
 * What an operator's screen wants to be told of: users that it watches, lists that it follows.
 *
 * Promise: wishes are counted, so that two rows of one user need not know of each other; all wishes of
 * one turn of the event loop go out together; a row that unmounts and mounts again in that turn sends
 * nothing; no frame is longer than the server reads (4 KiB).
 *
 * The odd one: this file is loaded with the first wish. Users' screens have none.
 */
import type { Environment } from './environment.js'
import type { ClientFrame } from './frames.js'

const LONGEST_BYTES = 3_900
/** The server's limit. Beyond it a user is not watched until another one is let go; better than to be cut off. */
const MOST_USERS = 500

export interface Watching {
  watch(users: readonly string[]): () => void
  follow(lists: readonly string[]): () => void
  /** A new connection knows of no wish yet. */
  again(): void
}

/**
 * @param send - False when nothing could be sent; then `again` is called once it can.
 * @param dropped - These users are watched no longer.
 */
export function createWatching(
  environment: Environment,
  send: (frame: ClientFrame) => boolean,
  dropped: (users: ReadonlySet<string>) => void,
): Watching {
  const users = new Map<string, number>()
  const lists = new Map<string, number>()
  let sentUsers = new Set<string>()
  let sentLists = ''
  let due = false

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
    const all = [...pack('unwatch', gone), ...pack('watch', come)]
    if (followed() !== sentLists) all.push({ type: 'follow', lists: [...lists.keys()] })
    if (!all.every(send)) return
    sentUsers = wanted
    sentLists = followed()
    if (gone.length > 0) dropped(new Set(gone))
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
    watch: (names) => count(users, names),
    follow: (names) => count(lists, names),
    again() {
      sentUsers = new Set()
      sentLists = ''
      sendWishes()
    },
  }
}

/** As few frames as the longest frame allows. */
function pack(type: 'watch' | 'unwatch', users: readonly string[]): ClientFrame[] {
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
