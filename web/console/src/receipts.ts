/**
 * Who has seen a change: the counts of its broadcast, kept up while screens are still behind.
 *
 * A change asks for receipts and is answered without waiting for them, so its ✓ is never late. The counts are read
 * right after it, once more a moment later, and then whenever the server says that the broadcast log moved: a screen
 * that wakes up in a minute counts too. It stands outside React, since toasts outlive the screen that they came from.
 */
import type { CreditsStore } from 'livecredits'
import { useSyncExternalStore } from 'react'
import { formatAmount } from './amounts'
import { announce } from './announce'
import { request } from './api'

/** Screens that were open at the push, by what they have said since. */
export interface Counts {
  open: number
  shown: number
  hidden: number
  asleep: number
  gone: number
  behind: number
  /** From the commit to the first and the last receipt. */
  first_ms: number | null
  last_ms: number | null
  counted: 'screens' | 'browsers'
  /** Nobody is asked what they show. */
  off?: boolean
}

interface Broadcast {
  screens: Counts | null
  settled: boolean
}

const LIST = 'broadcasts'
/** Receipts of awake screens are there by then; the server's hints come a second later at most. */
const SOON_MS = 250
/** A screen that sleeps longer is told by the broadcast log alone. */
const PATIENCE_MS = 10 * 60_000

/** More toasts than anybody looks at. */
const KEPT_MOST = 50

const known = new Map<string, Counts>()
const listeners = new Set<() => void>()

/** Reads the counts of a change, and again until every open screen has said what it shows. */
export function countReceipts(store: CreditsStore, entry: string): void {
  const unfollow = store.follow([LIST])
  let isOver = false
  let reading = false
  let again = false
  const end = () => {
    isOver = true
    off()
    unfollow()
    for (const timer of timers) clearTimeout(timer)
  }
  const read = async (): Promise<void> => {
    if (isOver) return
    if (reading) {
      again = true
      return
    }
    reading = true
    try {
      const { screens, settled } = await request<Broadcast>(
        'GET',
        `admin/broadcasts/${encodeURIComponent(entry)}`,
      )
      if (screens) tell(entry, screens)
      if (settled || (screens && screens.behind + screens.asleep + screens.hidden === 0)) end()
    } catch {
      // The change itself was told; without its counts the toast only says less.
    } finally {
      reading = false
    }
    if (again) {
      again = false
      await read()
    }
  }
  const off = store.on('changed', (lists) => {
    if (lists.includes(LIST)) void read()
  })
  const timers = [setTimeout(() => void read(), SOON_MS), setTimeout(end, PATIENCE_MS)]
  void read()
}

function tell(entry: string, counts: Counts): void {
  const before = known.get(entry)
  known.delete(entry)
  known.set(entry, counts)
  for (const old of [...known.keys()].slice(0, -KEPT_MOST)) known.delete(old)
  for (const each of listeners) each()
  // Said once, when the last open screen has it; the toast shows every step.
  if (counts.open > 0 && counts.shown === counts.open && before?.shown !== counts.shown)
    announce(countsText(counts))
}

export function useCounts(entry: string): Counts | undefined {
  return useSyncExternalStore(subscribe, () => known.get(entry))
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** Another operator signs in: what the former one asked is forgotten. */
export function forgetReceipts(): void {
  known.clear()
}

/** `shown on 3 of 3 screens, 14 ms · 1 hidden`. A time is only told of what was shown. */
export function countsText(counts: Counts): string {
  if (counts.off) return 'receipts are off'
  if (counts.open === 0) return 'no screen is open'
  const { open, shown, last_ms, counted } = counts
  const things = open === 1 ? counted.replace(/s$/, '') : counted
  const time = shown > 0 && last_ms !== null ? `, ${formatAmount(last_ms)} ms` : ''
  const rest = (['behind', 'hidden', 'asleep', 'gone'] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`)
  return [`shown on ${shown} of ${open} ${things}${time}`, ...rest].join(' · ')
}
