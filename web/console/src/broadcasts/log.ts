/**
 * The broadcast log as the server tells it: one row for each change, and for each time somebody sent it again.
 *
 * Knows the routes and the words for their answers; nothing of React. The odd thing: `screens` is null where nobody
 * wrote down who has seen a change, which is not the same as nobody having seen it.
 */
import { formatAmount } from '../amounts'
import { type ListQuery, type Page, request } from '../api'
import type { Counts } from '../receipts'

export const RESEND = 'resend'
/** How long the server waits for screens after a re-send; it answers earlier where none is behind. */
const RESEND_WAIT_MS = 2000

export interface Broadcast {
  id: string
  entry: string | null
  user_id: string
  unit: string
  version: number
  kind: string
  amount: number | null
  label: string | null
  /** Who made the change, or asked for the re-send. */
  actor: string
  /** Somebody asked for it, without a change. */
  asked: boolean
  node: string | null
  committed_at: string
  screens: Counts | null
  /** Nothing will change the counts any more. */
  settled: boolean
  details: 'full' | 'sampled' | 'none'
}

/** One screen of a broadcast that is still open. */
export interface Sight {
  screen: string
  carrier: string
  user_agent: string
  state: 'shown' | 'hidden' | 'asleep' | 'gone' | 'behind'
  version: number | null
  ms: number | null
  visible: boolean
  tabs: number
}

export interface BroadcastDetail extends Broadcast {
  shown_on: Sight[]
}

export interface Resent {
  user_id: string
  screens: number
  broadcast: string
  receipts?: Counts | null
}

const one = (id: string) => `admin/broadcasts/${encodeURIComponent(id)}`

export const log = {
  page: (query: ListQuery, signal?: AbortSignal) =>
    request<Page<Broadcast>>('GET', 'admin/broadcasts', { query, signal }),
  one: (id: string, signal?: AbortSignal) => request<BroadcastDetail>('GET', one(id), { signal }),
  resend: (user: string) =>
    request<Resent>('POST', `admin/users/${encodeURIComponent(user)}/broadcast`, {
      query: { wait: 'shown', timeout_ms: RESEND_WAIT_MS },
    }),
}

/** Some screen is open and visible, and has not painted it. */
export function isBehind({ screens }: Broadcast): boolean {
  return screens !== null && !screens.off && screens.behind > 0
}

/** `9–14 ms`: the first and the last receipt; nothing where no screen has shown it. */
export function delayText(counts: Counts | null): string | undefined {
  const { shown, first_ms, last_ms } = counts ?? { shown: 0, first_ms: null, last_ms: null }
  if (shown === 0 || first_ms === null || last_ms === null) return undefined
  const last = `${formatAmount(last_ms)} ms`
  return first_ms === last_ms ? last : `${formatAmount(first_ms)}–${last}`
}

/** Why there is no screen, or not every screen, to be listed one by one; nothing where all of them are. */
export function detailsNote({ screens, details, shown_on }: BroadcastDetail): string | undefined {
  if (screens === null) {
    return 'Not counted: the server ended before it had written down who saw this, or none was running. It says nothing about what the screens show now.'
  }
  if (screens.off) return 'Receipts are off: the screens were not asked what they show.'
  if (screens.open === 0) return 'No screen of this user was open when it was sent.'
  if (details === 'sampled') {
    return 'Many changes came at once. Of this one only the counts were kept, not the single screens.'
  }
  if (details === 'none') return 'The single screens are no longer remembered. The counts stay.'
  const left = screens.open - shown_on.length
  if (left <= 0) return undefined
  return `${left} of ${screens.open} ${left === 1 ? 'has' : 'have'} left since. What is known of a screen goes with it; the counts stay.`
}
