/**
 * When rows of a live log may come in by themselves.
 *
 * Only while the top of the list is in view and nobody is busy with it: the pointer is not on it, the focus is not in
 * it, no row is open. Otherwise they wait behind a button. It is decided once, when news come: a button that goes away
 * while somebody reaches for it would be as bad as a row that does.
 */
import { type RefObject, useEffect, useRef } from 'react'

interface Arrivals {
  /** Takes the new rows in; undefined while there are none. */
  show: (() => void) | undefined
  /** How many rows wait. */
  news: number
  /** Older pages, and lists with an open row, stay as they are. */
  held: boolean
}

interface Listened {
  list: RefObject<HTMLElement | null>
  onPointerEnter: () => void
  onPointerLeave: () => void
}

export function useArrivals({ show, news, held }: Arrivals): Listened {
  const list = useRef<HTMLElement | null>(null)
  const isPointedAt = useRef(false)
  const latest = useRef({ show, held })
  latest.current = { show, held }
  const hasNews = show !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: another number of new rows is another decision
  useEffect(() => {
    const place = list.current
    const { show, held } = latest.current
    if (!hasNews || held || isPointedAt.current || !place) return
    const isTopInView = place.getBoundingClientRect().top >= 0
    if (isTopInView && !place.contains(document.activeElement)) show?.()
  }, [hasNews, news])
  return {
    list,
    onPointerEnter: () => {
      isPointedAt.current = true
    },
    onPointerLeave: () => {
      isPointedAt.current = false
    },
  }
}
