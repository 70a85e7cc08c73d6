/**
 * The operator's own changes that are on their way, by account; outside React.
 *
 * A layer shows the value that the operator asked for from the moment of sending until the ledger's answer is
 * on the screen. It holds the target, not a delta: the pushed state often arrives before the HTTP answer, and a
 * delta on top of that would count twice for some milliseconds. It must not know HTTP or toasts.
 */
import type { Answer, Problem } from './api'

export interface Layer {
  /** Tells layers of the same account apart. */
  id: number
  phase: 'sending' | 'confirmed' | 'refused'
  from: number
  to: number
  answer?: Answer
  problem?: Problem
}

const layers = new Map<string, Layer>()
const listeners = new Set<() => void>()
let lastId = 0

const name = (user: string, unit: string) => `${unit}\n${user}`

export function layerOf(user: string, unit: string): Layer | undefined {
  return layers.get(name(user, unit))
}

/** Puts the wanted value on the screen. Returns what to call with the outcome. */
export function putLayer(user: string, unit: string, from: number, to: number) {
  lastId += 1
  const id = lastId
  write(user, unit, { id, phase: 'sending', from, to })
  const settle = (change: Partial<Layer>) => {
    const layer = layerOf(user, unit)
    if (layer?.id === id) write(user, unit, { ...layer, ...change })
  }
  return {
    confirm: (answer: Answer) => settle({ phase: 'confirmed', answer }),
    refuse: (problem: Problem) => settle({ phase: 'refused', problem }),
    drop: () => {
      if (layerOf(user, unit)?.id === id) write(user, unit, undefined)
    },
  }
}

/** Takes a settled layer away (its mark was seen, or the next edit begins). */
export function clearLayer(user: string, unit: string, id?: number): void {
  const layer = layerOf(user, unit)
  if (layer && layer.phase !== 'sending' && (id === undefined || layer.id === id))
    write(user, unit, undefined)
}

export function subscribeToLayers(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** Another operator signs in: nothing of the former one stays on the screen. */
export function clearAllLayers(): void {
  layers.clear()
  for (const each of listeners) each()
}

function write(user: string, unit: string, layer: Layer | undefined): void {
  if (layer) layers.set(name(user, unit), layer)
  else layers.delete(name(user, unit))
  for (const each of listeners) each()
}
