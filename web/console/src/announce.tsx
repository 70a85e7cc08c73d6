/**
 * One polite live region for the whole page, with at most one announcement every two seconds.
 *
 * Anything may call `announce`; what comes in within the two seconds is read as one sentence, and many
 * messages of one group ("balances") become a count, since a screen reader that reads forty numbers in a row
 * is worse than one that says forty balances changed. Nothing else in the console is a live region.
 */
import { useEffect, useState } from 'react'

const GAP_MS = 2000
const READ_SINGLY = 3

interface Waiting {
  text: string
  group: string | undefined
}

let waiting: Waiting[] = []
let timer: ReturnType<typeof setTimeout> | undefined
let lastAt = Number.NEGATIVE_INFINITY
let speak: (text: string) => void = () => {}

/** Says something to people who do not see the screen; `group` names what many of a kind are called. */
export function announce(text: string, group?: string): void {
  waiting.push({ text, group })
  timer ??= setTimeout(flush, Math.max(0, lastAt + GAP_MS - Date.now()))
}

/** Another operator, another page: nothing of before is said any more. */
export function forgetAnnouncements(): void {
  clearTimeout(timer)
  timer = undefined
  waiting = []
  lastAt = Number.NEGATIVE_INFINITY
}

function flush(): void {
  timer = undefined
  lastAt = Date.now()
  speak(summarise(waiting))
  waiting = []
}

/** One sentence for all that waited. */
export function summarise(items: readonly Waiting[]): string {
  const groups = new Map<string, number>()
  for (const { group } of items) if (group) groups.set(group, (groups.get(group) ?? 0) + 1)
  const single = items.filter(({ group }) => !group || (groups.get(group) ?? 0) <= READ_SINGLY)
  const counted = [...groups].filter(([, count]) => count > READ_SINGLY)
  return [
    ...single.map(({ text }) => text),
    ...counted.map(([group, count]) => `${count} ${group} changed`),
  ].join('. ')
}

/** The region itself; stands once, at the root. */
export function Announcer() {
  const [text, setText] = useState('')
  useEffect(() => {
    speak = setText
    return () => {
      speak = () => {}
    }
  }, [])
  return (
    <div className="visually-hidden" aria-live="polite" data-announcer>
      {text}
    </div>
  )
}
