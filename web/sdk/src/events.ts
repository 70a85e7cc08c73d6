/**
 * Sets of callbacks by event.
 *
 * Promise: registering twice is once, unregistering twice is harmless, a callback that throws stops
 * neither the others nor the caller, and callbacks may register and unregister while they are called.
 */
import type { CreditsEvents } from './types.js'

export interface Events {
  on<E extends keyof CreditsEvents>(event: E, callback: CreditsEvents[E]): () => void
  emit<E extends keyof CreditsEvents>(event: E, ...what: Parameters<CreditsEvents[E]>): void
}

export function createEvents(): Events {
  const sets: Partial<Record<keyof CreditsEvents, Set<unknown>>> = {}
  return {
    on(event, callback) {
      sets[event] ??= new Set()
      sets[event].add(callback)
      return () => void sets[event]?.delete(callback)
    },
    emit(event, ...what) {
      for (const callback of new Set(sets[event])) {
        try {
          ;(callback as (...what: readonly unknown[]) => void)(...what)
        } catch (error) {
          console.error(error)
        }
      }
    },
  }
}
