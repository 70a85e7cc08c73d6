/**
 * The queue by keyboard: `j` and `k` or the arrows walk the rows, `f` fulfils the order of the row that has the focus.
 *
 * Where no row has it, `f` goes to the first order that waits, so that one key never hits an order that nobody looked
 * at. The focus is never lost: a button that goes with its order's state gives it back to the row. The odd one: a
 * keyed press is looked up in the document, not in React's tree, since the rows of one order are two.
 */
import { useEffect, useRef } from 'react'
import type { Order } from '../shop'
import { isTyping } from '../shortcuts'

const STEPS: Readonly<Record<string, number>> = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }
const ROWS = '.orders tr[data-order]:not(.order-details)'

type Fulfil = (order: Order) => Promise<void>

export function useQueueKeys(orders: readonly Order[], fulfil: Fulfil | undefined): void {
  const latest = useRef({ orders, fulfil })
  latest.current = { orders, fulfil }
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
      const at = event.target instanceof Element ? event.target : null
      if (at?.closest('[role=dialog],[role=listbox],[role=menu]')) return
      const row = at?.closest<HTMLElement>('tr[data-order]')
      const step = STEPS[event.key]
      if (step !== undefined) {
        // Outside the rows the arrows scroll the page, as everywhere.
        if (!row && event.key.startsWith('Arrow')) return
        event.preventDefault()
        return focusRow(row, step)
      }
      if (event.key !== 'f' || event.repeat || latest.current.fulfil === undefined) return
      if (!row) return focusFirstPending()
      const order = latest.current.orders.find(({ id }) => id === row.dataset['order'])
      if (order && row.dataset['state'] === 'pending') void latest.current.fulfil(order)
    }
    window.addEventListener('keydown', onKeyDown)
    return () => window.removeEventListener('keydown', onKeyDown)
  }, [])
}

function focusRow(from: HTMLElement | null | undefined, step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>(ROWS)]
  const at = rows.findIndex((row) => row.dataset['order'] === from?.dataset['order'])
  openerOf(from ? rows[at + step] : rows.at(step > 0 ? 0 : -1))?.focus()
}

function focusFirstPending(): void {
  openerOf(document.querySelector(`${ROWS}[data-state=pending]`))?.focus()
}

function openerOf(row: Element | null | undefined): HTMLElement | null | undefined {
  return row?.querySelector<HTMLElement>('.row-open')
}

/** Gives the focus to the row of that order, unless something has it. */
export function focusUnlessElsewhere(order: string): void {
  if (document.activeElement !== document.body) return
  openerOf(document.querySelector(`${ROWS}[data-order="${order}"]`))?.focus()
}

/** Gives the focus back to the row whose button has gone, in the very turn in which it went. */
export function useKeptFocus() {
  const table = useRef<HTMLTableElement>(null)
  const kept = useRef<string>(undefined)
  useEffect(() => {
    if (!table.current) return
    const observer = new MutationObserver(() => {
      if (kept.current !== undefined) focusUnlessElsewhere(kept.current)
    })
    observer.observe(table.current, { childList: true, subtree: true })
    return () => observer.disconnect()
  }, [])
  return {
    ref: table,
    onFocus: (event: React.FocusEvent) => {
      // A dialogue stands elsewhere in the document: whoever is in it came from the row that was left.
      const row = event.target.closest<HTMLElement>('tr[data-order]')
      if (row) kept.current = row.dataset['order']
    },
    onBlur: (event: React.FocusEvent) => {
      // Nothing got the focus, and not because its place went: somebody clicked beside it.
      if (event.relatedTarget === null && event.target.isConnected && document.hasFocus())
        kept.current = undefined
    },
  }
}
