/**
 * Keys that outlive the page's components, and the page itself.
 *
 * Promise: whoever asks for the key of an intent gets the same one until it is forgotten, in this tab, across
 * reloads: it is written down before it is given out. Without a session storage (a sandboxed frame, storage that
 * is full or forbidden) the memory of the page keeps it, which still covers every retry and remount.
 *
 * The odd one: a duplicated tab has a copy of the storage, and with it the same key. That is right: both tabs
 * mean the same unanswered change.
 */
export type StorageLike = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

export interface Keeping {
  /** @param intent - All that makes this change another one than the next: server, user, route, body. */
  keyOf(intent: string): string
  forget(intent: string): void
}

const PREFIX = 'livecredits.key '

/**
 * @param newKey - Makes a key that nobody ever had.
 * @param storage - Throws or gives undefined where there is none.
 */
export function createKeeping(newKey: () => string, storage: () => StorageLike | undefined): Keeping {
  const memory = new Map<string, string>()

  function tryStorage<T>(act: (storage: StorageLike) => T): T | undefined {
    try {
      const found = storage()
      return found && act(found)
    } catch {
      return undefined
    }
  }

  return {
    keyOf(intent) {
      const name = PREFIX + intent
      const key = memory.get(intent) ?? tryStorage((kept) => kept.getItem(name)) ?? newKey()
      memory.set(intent, key)
      tryStorage((kept) => kept.setItem(name, key))
      return key
    },
    forget(intent) {
      memory.delete(intent)
      tryStorage((kept) => kept.removeItem(PREFIX + intent))
    },
  }
}
