/**
 * Filters that an operator has named, by screen: what stands in the address, without the page.
 *
 * Kept in this browser for this operator, since they are a habit of a person and not a fact of the ledger. Other
 * tabs see a change at once. It knows nothing of what a filter means.
 */
import { useMemo, useSyncExternalStore } from 'react'

export interface SavedFilter {
  name: string
  /** As in the address, `q=ada&show=low`. */
  query: string
}

export const NAME_MOST = 40
const FILTERS_MOST = 30
const PREFIX = 'livecredits:filters:'
/** Where somebody is in a list is no part of what they look for. */
const PLACE = ['after', 'before', 'new', 'order', 'row']

const listeners = new Set<() => void>()
const keyOf = (operator: string, screen: string) => `${PREFIX}${operator}:${screen}`

/** The filter in the address, in one order, so that two equal ones are one. */
export function filterIn(search: string): string {
  const params = new URLSearchParams(search)
  for (const name of PLACE) params.delete(name)
  params.sort()
  return params.toString()
}

function parsed(text: string | null): SavedFilter[] {
  try {
    const found: unknown = JSON.parse(text ?? '[]')
    if (!Array.isArray(found)) return []
    return found.filter((each) => typeof each?.name === 'string' && typeof each?.query === 'string')
  } catch {
    // Somebody else's text under our name: as good as none.
    return []
  }
}

function write(operator: string, screen: string, filters: SavedFilter[]): void {
  localStorage.setItem(keyOf(operator, screen), JSON.stringify(filters))
  for (const each of listeners) each()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  window.addEventListener('storage', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', listener)
  }
}

/** The filters by name, and how to keep and drop one. Saving under a known name replaces it. */
export function useSavedFilters(operator: string, screen: string) {
  const text = useSyncExternalStore(subscribe, () => localStorage.getItem(keyOf(operator, screen)))
  return useMemo(() => {
    const filters = parsed(text)
    const without = (name: string) => filters.filter((each) => each.name !== name)
    return {
      filters,
      isFull: filters.length >= FILTERS_MOST,
      save: (filter: SavedFilter) =>
        write(
          operator,
          screen,
          [...without(filter.name), filter].sort((a, b) => a.name.localeCompare(b.name)),
        ),
      drop: (name: string) => write(operator, screen, without(name)),
    }
  }, [text, operator, screen])
}
