/**
 * A screen's state in the address: what a colleague sees when they are sent the link.
 *
 * Typing replaces the address; choosing (a filter, a page) adds to the history, so Back does what it says.
 */
import { useCallback } from 'react'
import { useSearchParams } from 'wouter'

export type Patch = Record<string, string | null | undefined>

/** Another question begins at its first page, with no row open. */
export const FIRST_PAGE: Patch = { after: null, before: null, row: null }

export interface UrlState {
  get: (name: string) => string | null
  patch: (changes: Patch, options?: { replace?: boolean }) => void
}

export function useUrlState(): UrlState {
  const [params, setParams] = useSearchParams()
  const patch = useCallback(
    (changes: Patch, options?: { replace?: boolean }) => {
      setParams((before) => {
        const after = new URLSearchParams(before)
        for (const [name, value] of Object.entries(changes)) {
          if (value) after.set(name, value)
          else after.delete(name)
        }
        return after
      }, options)
    },
    [setParams],
  )
  return { get: (name) => params.get(name), patch }
}

/**
 * The last part of the address, decoded. The router decodes paths by `decodeURI`, which leaves some characters
 * encoded and others not, and cannot be undone; a user's id may hold any of them.
 */
export function lastSegment({ pathname }: Location): string {
  const raw = pathname.slice(pathname.lastIndexOf('/') + 1)
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}
