/**
 * From entries to the steps of a balance: which points, what before the first of them, what the lowest and highest.
 *
 * Pure. A balance does not slope from one entry to the next: it stands until the next entry, so every point holds
 * from its time on, and the last one until now.
 */
import type { Entry } from '../api'

export interface Point {
  /** Milliseconds. */
  at: number
  credits: number
  /** The entry that left it; none for the beginning of the span and for now. */
  entry?: Entry
}

/** What an entry did to the available credits. */
export function movedBy(entry: Entry): number {
  return entry.settled_delta - entry.held_delta
}

/**
 * The points of a span, oldest first.
 *
 * @param entries in any order, each version once
 * @param sinceMs begin of the span; undefined where the entries decide it
 * @param now the balance as it is now, and when now is
 */
export function pointsOf(
  entries: readonly Entry[],
  sinceMs: number | undefined,
  now: { at: number; credits: number },
): Point[] {
  const steps = [...entries]
    .sort((a, b) => a.version - b.version)
    .map((entry): Point => ({ at: Date.parse(entry.at), credits: entry.credits, entry }))
    .filter(({ at }) => sinceMs === undefined || at >= sinceMs)
  const [first] = steps
  const before = first?.entry ? first.credits - movedBy(first.entry) : now.credits
  const points: Point[] = sinceMs === undefined ? steps : [{ at: sinceMs, credits: before }, ...steps]
  const last = points.at(-1)
  // A clock that is ahead of ours must not bend the line back.
  return [...points, { at: Math.max(now.at, last?.at ?? 0), credits: last?.credits ?? now.credits }]
}

export interface Extremes {
  lowest: number
  highest: number
}

export function extremesOf(points: readonly Point[]): Extremes {
  const all = points.map(({ credits }) => credits)
  return { lowest: Math.min(...all), highest: Math.max(...all) }
}

/** Entries of a page in front of those that are known already; each version once, newest first. */
export function joinedEntries(fresh: readonly Entry[], known: readonly Entry[]): Entry[] {
  const versions = new Set(fresh.map(({ version }) => version))
  return [...fresh, ...known.filter(({ version }) => !versions.has(version))].sort(
    (a, b) => b.version - a.version,
  )
}
