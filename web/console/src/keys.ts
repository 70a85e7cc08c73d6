/**
 * Idempotency keys: made before a change is sent, kept until its outcome is known.
 *
 * A change that was sent and never answered may have been booked. Asking for the same thing again in this
 * tab therefore sends the same key, a reload included, and the server answers with the first outcome instead
 * of paying twice. Once an answer is there the key is forgotten, so the next equal change is a new one.
 */

import { newKey } from 'livecredits'

const PREFIX = 'livecredits:key:'

/** The key for this intent (method, path and body as one text): the kept one, or a new one. */
export function keyFor(intent: string, storage: Storage = sessionStorage): string {
  const name = PREFIX + intent
  const kept = storage.getItem(name)
  if (kept !== null) return kept
  const key = newKey()
  storage.setItem(name, key)
  return key
}

/** The outcome is known: the next equal intent is a new change. */
export function forgetKey(intent: string, storage: Storage = sessionStorage): void {
  storage.removeItem(PREFIX + intent)
}

/** Another operator may sign in in this tab: none of the former one's keys may meet their changes. */
export function forgetAllKeys(storage: Storage = sessionStorage): void {
  const names = Array.from({ length: storage.length }, (_, at) => storage.key(at))
  for (const name of names) if (name?.startsWith(PREFIX)) storage.removeItem(name)
}
