/**
 * A moment as people say it, with the whole date for the pointer and for machines.
 *
 * `Ago` is for what has happened, `Due` for what is planned. The odd thing: what has happened may lie in the future,
 * where the clock of a node is ahead of the reader's. It is told by the clock then, and marked, since "in 60 minutes"
 * would be read as a plan.
 */
import { IconClockExclamation } from '@tabler/icons-react'
import { ago, fullTime, isAhead, useNow } from '../time'

interface Props {
  at: string | null | undefined
}

export function Ago({ at }: Props) {
  const nowMs = useThisMoment()
  if (!at) return <span className="dimmed">never</span>
  if (!isAhead(at, nowMs)) return <Moment at={at} text={ago(at, Math.max(nowMs, Date.parse(at)))} />
  return (
    <span className="ahead" title="Later than the clock of this device: one of the clocks is wrong.">
      <IconClockExclamation size={13} aria-hidden />
      <Moment at={at} text={fullTime(at)} />
      <span className="visually-hidden">, later than the clock of this device</span>
    </span>
  )
}

export function Due({ at }: { at: string }) {
  return <Moment at={at} text={ago(at, useThisMoment())} />
}

function useThisMoment(): number {
  return Math.max(useNow(), Date.now() - 1)
}

function Moment({ at, text }: { at: string; text: string }) {
  return (
    <time dateTime={at} title={fullTime(at)}>
      {text}
    </time>
  )
}
