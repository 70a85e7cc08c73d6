/**
 * Which users are selected on the Users screen: some by their checkboxes, or all that match a filter.
 *
 * Outside React, so that looking at a preview and coming back loses nothing. It knows ids and a filter, never how
 * many users there are: the list tells that. The odd thing: "all that match" keeps the filter and not the ids, so
 * it means whoever matches when the change is prepared, and the number is counted then.
 */
import { useSyncExternalStore } from 'react'
import type { ListQuery } from './api'

export interface Filter {
  q?: string | undefined
  unit: string
  frozen?: true | undefined
  low?: true | undefined
}

export type Selection =
  | { all: false; ids: ReadonlySet<string> }
  | { all: true; filter: Filter; total: number; except: ReadonlySet<string> }

const NOBODY: Selection = { all: false, ids: new Set() }

let current: Selection = NOBODY
let owner = ''
const listeners = new Set<() => void>()

function write(next: Selection): void {
  current = next
  for (const each of listeners) each()
}

export function isSelected(selection: Selection, id: string): boolean {
  return selection.all ? !selection.except.has(id) : selection.ids.has(id)
}

export function selectedCount(selection: Selection): number {
  return selection.all ? Math.max(0, selection.total - selection.except.size) : selection.ids.size
}

/** Selects these users, or takes them out. */
export function select(ids: readonly string[], on: boolean): void {
  const kept = current.all ? current.except : current.ids
  const next = new Set(kept)
  for (const id of ids) {
    if (on === current.all) next.delete(id)
    else next.add(id)
  }
  write(current.all ? { ...current, except: next } : { all: false, ids: next })
}

/** Selects everybody whom the filter finds. */
export function selectMatching(filter: Filter, total: number): void {
  write({ all: true, filter, total, except: new Set() })
}

export function selectNobody(): void {
  write(NOBODY)
}

/** The selection of this operator; "all that match" holds as long as the filter stands. */
export function useSelection(operator: string, filter: Filter): Selection {
  if (owner !== operator) {
    owner = operator
    current = NOBODY
  }
  const selection = useSyncExternalStore(subscribe, () => current)
  return selection.all && !sameFilter(selection.filter, filter) ? NOBODY : selection
}

function sameFilter(one: Filter, other: Filter): boolean {
  return one.q === other.q && one.unit === other.unit && one.frozen === other.frozen && one.low === other.low
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** The filter as the list of users takes it. */
export function asQuery({ q, unit, frozen, low }: Filter): ListQuery {
  return { q, unit, frozen, low }
}
