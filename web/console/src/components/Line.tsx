/**
 * How fresh the numbers are: live, reconnecting, stale since when. Icon and text, so colour is not alone.
 */
import { IconBroadcast, IconLoader2, IconPlugConnectedX, IconWifiOff } from '@tabler/icons-react'
import type { Status } from 'livecredits'
import { useEffect, useRef } from 'react'
import { announce } from '../announce'
import { useLine } from '../live'
import { clockTime, fullTime } from '../time'

interface Look {
  tone: 'good' | 'wait' | 'bad'
  icon: typeof IconBroadcast
  text: (since: string) => string
}

const looks: Record<Status, Look> = {
  idle: { tone: 'wait', icon: IconLoader2, text: () => 'Connecting' },
  connecting: { tone: 'wait', icon: IconLoader2, text: () => 'Connecting' },
  live: { tone: 'good', icon: IconBroadcast, text: () => 'Live' },
  reconnecting: { tone: 'wait', icon: IconLoader2, text: () => 'Reconnecting' },
  stale: { tone: 'bad', icon: IconPlugConnectedX, text: (since) => `Stale since ${since}` },
  offline: { tone: 'bad', icon: IconWifiOff, text: (since) => `Offline since ${since}` },
  'signed-out': { tone: 'bad', icon: IconPlugConnectedX, text: () => 'Signed out' },
  error: { tone: 'bad', icon: IconPlugConnectedX, text: (since) => `Not live since ${since}` },
}

export function Line({ compact = false }: { compact?: boolean }) {
  const { status, since } = useLine()
  const look = looks[status]
  const text = look.text(clockTime(since))
  useSpokenStatus(text, status, compact)
  return (
    <span
      className="line"
      data-tone={look.tone}
      data-status={status}
      title={`Since ${fullTime(new Date(since).toISOString())}`}
    >
      <look.icon
        size={15}
        stroke={2}
        aria-hidden
        className={look.icon === IconLoader2 ? 'spin' : undefined}
      />
      {text}
    </span>
  )
}

/** What happens to a line that was live once is said; the compact twin of the same indicator stays silent. */
function useSpokenStatus(text: string, status: Status, silent: boolean): void {
  const said = useRef<string>(undefined)
  useEffect(() => {
    if (silent || said.current === text) return
    const first = said.current === undefined
    if (first && status !== 'live') return
    said.current = text
    if (!first) announce(text)
  }, [text, status, silent])
}
