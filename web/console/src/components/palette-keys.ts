/**
 * What is typed between Ctrl+K and the moment in which the palette's field has the focus.
 *
 * The palette is loaded when it is first asked for. Without this, keys that come meanwhile would go to the screen
 * behind it, where `f` fulfils an order and `g` `o` leaves the page. They belong to the palette from Ctrl+K on.
 */
import { useLayoutEffect, useState } from 'react'

export interface PaletteKeys {
  text: string
  setText: (text: string) => void
  /** Enter came before the answer. */
  hurried: boolean
  setHurried: (hurried: boolean) => void
}

/** Marks the palette's field: keys typed into it need nobody's help. */
export const PALETTE_FIELD = { 'data-palette': true }

export function usePaletteKeys(isOpen: boolean, close: () => void): PaletteKeys {
  const [text, setText] = useState('')
  const [hurried, setHurried] = useState(false)
  useLayoutEffect(() => {
    if (!isOpen) return
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.target instanceof Element && event.target.closest('[data-palette]')) return
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      if (event.key === 'Backspace') setText((typed) => typed.slice(0, -1))
      else if (event.key === 'Enter') setHurried(true)
      else if (event.key === 'Escape') close()
      else if (event.key.length === 1) setText((typed) => typed + event.key)
      else return
      event.preventDefault()
      event.stopImmediatePropagation()
    }
    window.addEventListener('keydown', onKeyDown, { capture: true })
    return () => {
      window.removeEventListener('keydown', onKeyDown, { capture: true })
      setText('')
      setHurried(false)
    }
  }, [isOpen, close])
  return { text, setText, hurried, setHurried }
}
