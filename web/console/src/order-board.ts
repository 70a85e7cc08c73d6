/**
 * The operator's own steps with orders that are on their way, by order; outside React, like `board.ts`.
 *
 * A mark shows the state that the operator asked for from the moment of sending until the list has it. It must
 * not know HTTP or toasts.
 */
import { useSyncExternalStore } from 'react'
import type { OrderState } from './shop'

export interface Mark {
  phase: 'sending' | 'done' | 'refused'
  state: OrderState
  /** Why it was refused, in the server's words. */
  detail?: string | undefined
}

const marks = new Map<string, Mark>()
const listeners = new Set<() => void>()

export function markOf(order: string): Mark | undefined {
  return marks.get(order)
}

export function putMark(order: string, mark: Mark | undefined): void {
  if (mark) marks.set(order, mark)
  else marks.delete(order)
  for (const each of listeners) each()
}

export function useMark(order: string): Mark | undefined {
  return useSyncExternalStore(subscribe, () => markOf(order))
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** Another operator signs in: nothing of the former one stays. */
export function clearAllMarks(): void {
  marks.clear()
  for (const each of listeners) each()
}
