/**
 * How far the numbers on this screen can be trusted, in words and by a shape as well as by colour. Promise: it never
 * says "live" unless the connection is, and says since when a number may be old.
 */
import type { CreditsSnapshot } from 'livecredits'
import { useCreditsSelector } from 'livecredits/react'
import { timeText } from './amounts'

type Trust = Pick<CreditsSnapshot, 'status' | 'since' | 'error'>

const TEXTS: Record<CreditsSnapshot['status'], (trust: Trust) => string> = {
  idle: () => 'Not connected yet',
  connecting: () => 'Connecting…',
  live: () => 'Live',
  reconnecting: () => 'Reconnecting…',
  stale: ({ since }) => `Stale since ${timeText(since)}`,
  offline: ({ since }) => `Offline since ${timeText(since)}`,
  'signed-out': () => 'Signed out',
  error: ({ error }) => error?.detail ?? 'Disconnected',
}

const TONES: Record<CreditsSnapshot['status'], 'good' | 'waiting' | 'bad'> = {
  idle: 'waiting',
  connecting: 'waiting',
  live: 'good',
  reconnecting: 'waiting',
  stale: 'bad',
  offline: 'bad',
  'signed-out': 'waiting',
  error: 'bad',
}

// Outside, so that the component renders again only when one of the three moved, and not with every balance.
const statusOf = (snapshot: CreditsSnapshot) => snapshot.status
const sinceOf = (snapshot: CreditsSnapshot) => snapshot.since
const errorOf = (snapshot: CreditsSnapshot) => snapshot.error

export function StatusDot() {
  const status = useCreditsSelector(statusOf)
  const since = useCreditsSelector(sinceOf)
  const error = useCreditsSelector(errorOf)
  return (
    <span className="status" data-testid="status" data-status={status} data-tone={TONES[status]}>
      <span aria-hidden="true" className="dot" />
      {TEXTS[status]({ status, since, error })}
    </span>
  )
}
