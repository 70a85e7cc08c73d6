/**
 * A list that is read in pages and read again whenever it moved.
 *
 * Promise: what is shown has no gap and nothing twice, since reading again reads from the newest on, as far as
 * was shown; rows that did not change keep their identity; a burst of hints costs two reads and not a hundred;
 * a read that fails leaves what was known. It must not know what stands in the list.
 *
 * The odd one: reads of one list never overlap. A page that is asked for while the list is read again waits, so
 * its cursor is never one of a list that is gone.
 */
import type { ChangeProblem, ListSource, ShopList } from './types.js'

export interface Page<T> {
  readonly items: readonly T[]
  /** The cursor of the older page; null or absent at the end. */
  readonly next?: string | null
}

const PAGE_LEAST = 20
const PAGE_MOST = 100

/**
 * @param readPage - Null when nobody is signed in. Rejects with a problem.
 * @param hints - Calls back when the list may have moved, or when reading has become worth a try again.
 */
export function createList<T>(
  idOf: (item: T) => string,
  readPage: (limit: number, after: string | null) => Promise<Page<T> | null>,
  hints: (moved: () => void, live: () => void) => () => void,
): ListSource<T> {
  const listeners = new Set<() => void>()
  let next: string | null = null
  let chain = Promise.resolve()
  let waiting: Promise<void> | undefined
  let older: Promise<void> | undefined
  let stopHints = () => {}
  let signedOut = false
  let list: ShopList<T> = { items: [], loading: true, error: null, loadMore: null, refresh }

  /** A read that has not begun yet is joined: it will see whatever moved until then. */
  function refresh(): Promise<void> {
    waiting ??= inTurn(() => {
      waiting = undefined
      return readAgain()
    })
    return waiting
  }

  function loadMore(): Promise<void> {
    older ??= inTurn(async () => {
      older = undefined
      if (next === null) return
      const page = await readPage(PAGE_LEAST, next)
      show([...list.items, ...(page?.items ?? [])], page?.next)
    })
    return older
  }

  async function readAgain(): Promise<void> {
    const wanted = Math.max(list.items.length, PAGE_LEAST)
    const items: T[] = []
    let after: string | null = null
    do {
      const page = await readPage(Math.min(wanted, PAGE_MOST), after)
      signedOut = !page
      items.push(...(page?.items ?? []))
      after = page?.next ?? null
    } while (after !== null && items.length < wanted)
    show(items, after)
  }

  function inTurn(read: () => Promise<void>): Promise<void> {
    const failed = (reason: unknown) => keep({ ...list, loading: false, error: reason as ChangeProblem })
    chain = chain.then(read).catch(failed)
    return chain
  }

  function show(items: readonly T[], cursor: string | null = null): void {
    next = cursor
    const known = new Map(list.items.map((item) => [idOf(item), item]))
    const unique = new Map(items.map((item) => [idOf(item), sameOr(known.get(idOf(item)), item)]))
    const more = cursor === null ? null : loadMore
    keep({ ...list, items: [...unique.values()], loading: false, error: null, loadMore: more })
  }

  function keep(after: ShopList<T>): void {
    // Functions are no part of what `same` compares.
    if (same(after, list) && after.loadMore === list.loadMore) return
    list = after
    for (const listener of [...listeners]) listener()
  }

  return {
    get: () => list,
    subscribe(listener) {
      const mine = () => listener()
      if (!listeners.size) {
        stopHints = hints(refresh, () => (list.error || signedOut) && refresh())
        refresh()
      }
      listeners.add(mine)
      return () => {
        if (listeners.delete(mine) && !listeners.size) stopHints()
      }
    },
  }
}

/** A twin of the one in `view.ts`: a part that is loaded later would tear that one out of the core's own file. */
const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)
const sameOr = <T>(known: T | undefined, item: T): T => (known && same(known, item) ? known : item)
