/**
 * Short messages at the edge of the screen, and the page's one polite live region.
 *
 * Promise: what went wrong stays until it is closed; what went well leaves by itself; what is announced is coalesced
 * to at most one announcement every two seconds, so that a run of changes does not talk over itself.
 */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react'

interface Toast {
  readonly id: number
  readonly kind: 'success' | 'error'
  readonly text: string
}

interface Toasts {
  success: (text: string) => void
  error: (text: string) => void
  announce: (text: string) => void
}

const SUCCESS_MS = 5000
const ANNOUNCE_MS = 2000
const TOASTS_MAX = 4

const Context = createContext<Toasts | null>(null)

export function useToast(): Toasts {
  const toasts = useContext(Context)
  if (toasts === null) throw new Error('useToast needs a <ToastProvider> above it')
  return toasts
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<readonly Toast[]>([])
  const nextId = useRef(1)
  const { said, announce } = useAnnouncements()

  const close = useCallback((id: number) => setShown((all) => all.filter((toast) => toast.id !== id)), [])
  const show = useCallback(
    (kind: Toast['kind'], text: string) => {
      const id = nextId.current++
      setShown((all) => [...all, { id, kind, text }].slice(-TOASTS_MAX))
      if (kind === 'success') setTimeout(() => close(id), SUCCESS_MS)
      announce(text)
    },
    [close, announce],
  )
  const toasts = useMemo<Toasts>(
    () => ({ success: (text) => show('success', text), error: (text) => show('error', text), announce }),
    [show, announce],
  )

  return (
    <Context value={toasts}>
      {children}
      <div className="toasts">
        {shown.map((toast) => (
          <div key={toast.id} className={`toast ${toast.kind}`} data-testid="toast">
            <span aria-hidden="true" className="sign">
              {toast.kind === 'success' ? '✓' : '!'}
            </span>
            <p>{toast.text}</p>
            <button type="button" aria-label="Close message" onClick={() => close(toast.id)}>
              ×
            </button>
          </div>
        ))}
      </div>
      <div className="for-readers" role="status" aria-live="polite">
        {said}
      </div>
    </Context>
  )
}

/** The newest text, let through at most every two seconds. */
function useAnnouncements() {
  const [said, setSaid] = useState('')
  const waiting = useRef<string | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null)

  const announce = useCallback((text: string) => {
    waiting.current = text
    timer.current ??= setTimeout(() => {
      timer.current = null
      setSaid(waiting.current ?? '')
    }, ANNOUNCE_MS)
  }, [])
  useEffect(() => () => clearTimeout(timer.current ?? undefined), [])
  return { said, announce }
}
