/** A moment as people say it, with the whole date for the pointer and for machines. */
import { ago, fullTime, useNow } from '../time'

export function Ago({ at }: { at: string | null | undefined }) {
  const now = useNow()
  if (!at) return <span className="dimmed">never</span>
  return (
    <time dateTime={at} title={fullTime(at)}>
      {ago(at, Math.max(now, Date.now() - 1))}
    </time>
  )
}
