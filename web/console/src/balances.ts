/**
 * What one account shows: the newest of what was pushed, what was read and what was answered, and the
 * operator's own pending change on top.
 *
 * The pushed state wins once it is there, since it alone survives a restored database, where versions start
 * lower again; before it is there the higher version wins. A balance that somebody else moved is reported
 * once as a flash; one's own change is not.
 */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Balance } from './api'
import { clearLayer, type Layer, layerOf, subscribeToLayers } from './board'
import { useWatchedCredits } from './live'

/** An account as a list or a page read it by HTTP. */
export interface ReadAccount {
  credits: number
  balance: Balance
  version: number
}

export interface ShownBalance {
  /** The number to show: what the operator asked for while a change is on its way. */
  credits: number
  /** The ledger's own number. */
  confirmed: number
  held: number
  version: number
  scale: number | undefined
  updatedAt: number | null
  nextExpiry: { at: string; amount: number } | null
  layer: Layer | undefined
  /** Below the threshold; undefined until pushed. */
  low: boolean | undefined
  /** Raised by one each time somebody else moved the balance. */
  flashes: number
}

const MARK_MS = 2600

export function useBalance(user: string, unit: string, read: ReadAccount): ShownBalance {
  const live = useWatchedCredits(user, { unit })
  const layer = useSyncExternalStore(subscribeToLayers, () => layerOf(user, unit))
  const answer = layer?.answer
  const base = live
    ? { credits: live.available, held: live.held, version: live.version }
    : { credits: read.credits, held: read.balance.held, version: read.version }
  const newest =
    answer && answer.version > base.version
      ? { credits: answer.credits, held: answer.balance.held, version: answer.version }
      : base

  useEffect(() => {
    if (layer?.phase !== 'confirmed') return
    const timer = setTimeout(() => clearLayer(user, unit, layer.id), MARK_MS)
    return () => clearTimeout(timer)
  }, [layer, user, unit])

  return {
    credits: layer?.phase === 'sending' ? layer.to : newest.credits,
    confirmed: newest.credits,
    held: newest.held,
    version: newest.version,
    scale: live?.scale,
    updatedAt: live?.updatedAt ?? null,
    nextExpiry: live?.nextExpiry ?? null,
    layer,
    low: live?.low,
    flashes: useFlashes(newest.version, layer),
  }
}

/** Counts the versions that came without a change of one's own. */
function useFlashes(version: number, layer: Layer | undefined): number {
  const seen = useRef(version)
  const own = layer !== undefined && layer.phase !== 'refused'
  const [flashes, setFlashes] = useState(0)
  useEffect(() => {
    const moved = version > seen.current
    seen.current = version
    if (moved && !own) setFlashes((count) => count + 1)
  }, [version, own])
  return flashes
}
