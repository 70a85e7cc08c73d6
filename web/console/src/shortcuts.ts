/**
 * The keys that work everywhere. A key typed into a field is text, never a command (Ctrl+K excepted).
 */
import { useEffect, useRef } from 'react'

export const SHORTCUTS: { keys: string[]; does: string }[] = [
  { keys: ['Ctrl', 'K'], does: 'Find a user, an order, a voucher or a screen' },
  { keys: ['/'], does: 'Search the list' },
  { keys: ['g', 'h'], does: 'Go to the Overview' },
  { keys: ['g', 'u'], does: 'Go to Users' },
  { keys: ['g', 'o'], does: 'Go to Orders' },
  { keys: ['g', 'v'], does: 'Go to Vouchers' },
  { keys: ['g', 'b'], does: 'Go to Bulk' },
  { keys: ['g', 'l'], does: 'Go to Broadcasts, the live log' },
  { keys: ['g', 'a'], does: 'Go to Audit' },
  { keys: ['g', 'd'], does: 'Go to Developers' },
  { keys: ['g', 's'], does: 'Go to Settings' },
  { keys: ['↑', '↓'], does: 'Walk the rows of the list' },
  { keys: ['Enter'], does: 'Change the credits of the row; apply' },
  { keys: ['F2'], does: 'Change the credits of the row' },
  { keys: ['j', 'k'], does: 'Walk the orders' },
  { keys: ['f'], does: 'Fulfil the order of the row' },
  { keys: ['Tab'], does: 'From the amount to the reason' },
  { keys: ['Esc'], does: 'Leave everything as it was' },
  { keys: ['?'], does: 'This help' },
]

const PLACES: Record<string, string> = {
  h: '/overview',
  u: '/users',
  o: '/orders',
  v: '/vouchers',
  b: '/bulk',
  l: '/broadcasts',
  a: '/audit',
  d: '/developers',
  s: '/settings',
}

const SEQUENCE_MS = 1000

interface Actions {
  go: (path: string) => void
  showHelp: () => void
  showPalette: () => void
}

export function useShortcuts(actions: Actions): void {
  const latest = useRef(actions)
  latest.current = actions
  useEffect(() => {
    let ledAt = 0
    const onKeyDown = (event: KeyboardEvent) => {
      const { go, showHelp, showPalette } = latest.current
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        return showPalette()
      }
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return
      const leads = Date.now() - ledAt < SEQUENCE_MS
      ledAt = event.key === 'g' ? Date.now() : 0
      const place = leads ? PLACES[event.key] : undefined
      if (place) go(place)
      else if (event.key === '?') showHelp()
      else if (event.key === '/') {
        event.preventDefault()
        const search = document.querySelector<HTMLInputElement>('[data-search]')
        if (search) search.focus()
        else showPalette()
      }
    }
    window.addEventListener('keydown', onKeyDown)
    return () => window.removeEventListener('keydown', onKeyDown)
  }, [])
}

/** Whether a key belongs to the field that has the focus. */
export function isTyping(event: KeyboardEvent): boolean {
  const at = event.target
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName))
}
