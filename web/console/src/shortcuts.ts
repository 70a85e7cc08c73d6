/**
 * The keys that work everywhere. A key typed into a field is text, never a command (Ctrl+K excepted).
 */
import { useEffect, useRef } from 'react'

export const SHORTCUTS: { keys: string[]; does: string }[] = [
  { keys: ['Ctrl', 'K'], does: 'Find a user or a screen' },
  { keys: ['/'], does: 'Search users' },
  { keys: ['g', 'u'], does: 'Go to Users' },
  { keys: ['g', 'a'], does: 'Go to Audit' },
  { keys: ['↑', '↓'], does: 'Walk the balances of the list' },
  { keys: ['Enter'], does: 'Change the credits of the row; apply' },
  { keys: ['F2'], does: 'Change the credits of the row' },
  { keys: ['Tab'], does: 'From the amount to the reason' },
  { keys: ['Esc'], does: 'Leave everything as it was' },
  { keys: ['?'], does: 'This help' },
]

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
      if (leads && event.key === 'u') go('/users')
      else if (leads && event.key === 'a') go('/audit')
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

function isTyping(event: KeyboardEvent): boolean {
  const at = event.target
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName))
}
