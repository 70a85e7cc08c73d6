/**
 * Points in time for people: "3 min ago" in a row, the whole date in its title, and a day heading.
 *
 * Relative times age by themselves: one timer for the whole page moves them, not one per row.
 */
import { useSyncExternalStore } from 'react'

const STEP_MS = 20_000

const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
})
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto', style: 'narrow' })

const steps: [limitS: number, unitS: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [3600, 60, 'minute'],
  [86_400, 3600, 'hour'],
  [7 * 86_400, 86_400, 'day'],
]

/** `just now`, `3 min. ago`, `in 2 hr.`; beyond a week the date. */
export function ago(at: string, nowMs: number): string {
  const seconds = (Date.parse(at) - nowMs) / 1000
  if (Math.abs(seconds) < 45) return seconds > 5 ? 'in a moment' : 'just now'
  for (const [limit, size, unit] of steps) {
    if (Math.abs(seconds) < limit) return relative.format(Math.round(seconds / size), unit)
  }
  return shortDay.format(Date.parse(at))
}

/** So far the clocks of servers and readers may be apart without a word. */
const APART_MS = 60_000

/** Whether something that has happened bears a time that is still to come: a clock is wrong. */
export const isAhead = (at: string, nowMs: number): boolean => Date.parse(at) - nowMs > APART_MS

export const fullTime = (at: string) => full.format(Date.parse(at))
export const clockTime = (at: string | number) => clock.format(typeof at === 'number' ? at : Date.parse(at))
export const dayName = (at: string) => day.format(Date.parse(at))

const listeners = new Set<() => void>()
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of listeners) each()
  }, STEP_MS)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The current time, moving every 20 s. */
export function useNow(): number {
  return useSyncExternalStore(
    subscribe,
    () => now,
    () => now,
  )
}

/** A moment as `<input type="datetime-local">` holds it: the reader's own clock, to the minute. */
export function toLocalInput(at: string): string {
  const moment = new Date(at)
  const local = new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 16)
}
