/**
 * The runs that this tab is applying: they go on while the operator looks at another screen.
 *
 * Outside React, like the layers of single changes. A run is kept before its first row is sent. What it came to
 * stays here until the tab is closed; after that the server tells it.
 */
import { useSyncExternalStore } from 'react'
import { finishRun, type KeptRun, keepRun } from './kept'
import { type Applied, applyRun } from './run'

export interface Running {
  run: KeptRun
  busy: boolean
  done: number
  applied: Applied
}

const runs = new Map<string, Running>()
const listeners = new Set<() => void>()

function write(id: string, state: Running | undefined): void {
  if (state) runs.set(id, state)
  else runs.delete(id)
  for (const each of listeners) each()
}

/** Applies the rows of a run that are not applied yet. Resolves when it is over or has stopped. */
export async function startRun(run: KeptRun): Promise<Applied> {
  const known = runs.get(run.id)
  if (known?.busy) return known.applied
  const before = known?.applied ?? { results: [] }
  write(run.id, { run, busy: true, done: before.results.length, applied: { results: before.results } })
  await keepRun(run).catch(() => {
    // A full disk: the run is made all the same, and only a reload in the middle would need the file again.
  })
  const applied = await applyRun(run, before, (done) => {
    const state = runs.get(run.id)
    if (state) write(run.id, { ...state, done })
  })
  if (!applied.problem) await finishRun(run).catch(() => {})
  if (runs.has(run.id)) write(run.id, { run, busy: false, done: applied.results.length, applied })
  return applied
}

/** Another look at it comes from the server. */
export function forgetRunning(id?: string): void {
  for (const each of id === undefined ? [...runs.keys()] : [id]) write(each, undefined)
}

export function useRunning(id: string): Running | undefined {
  return useSyncExternalStore(subscribe, () => runs.get(id))
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}
