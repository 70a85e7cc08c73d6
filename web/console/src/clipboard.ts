/**
 * Copying a text, also where the page came over plain HTTP: browsers give such pages no clipboard of their own, and
 * an installation in a private network often is one.
 */
import { useEffect, useRef, useState } from 'react'

const SAID_MS = 2000

/** Returns whether the text is on the clipboard now. */
export async function copyText(text: string): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text)
      return true
    }
  } catch {
    // Refused for this page or at this moment; the older way may still be open.
  }
  return copyBySelection(text)
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.readOnly = true
  field.style.position = 'fixed'
  field.style.opacity = '0'
  // Inside an open dialogue, or its focus trap would take the focus back before the text is copied.
  const place = focused?.closest('[role=dialog]') ?? document.body
  place.append(field)
  field.focus()
  field.select()
  try {
    return document.execCommand('copy')
  } catch {
    return false
  } finally {
    field.remove()
    if (focused instanceof HTMLElement) focused.focus()
  }
}

/** Copies, and says for two seconds that it did. */
export function useCopy(text: string): { copied: boolean; copy: () => void } {
  const [copied, setCopied] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = () =>
    void copyText(text).then((done) => {
      clearTimeout(timer.current)
      setCopied(done)
      timer.current = setTimeout(() => setCopied(false), SAID_MS)
    })
  return { copied, copy }
}
