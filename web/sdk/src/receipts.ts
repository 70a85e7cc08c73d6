/**
 * Receipts: what stands painted on the screens behind one connection. It goes with every pong, and at once
 * where the server asked.
 *
 * Promise: a version counts as painted only after subscribers were told of it and a frame was composed
 * while the tab was visible; of the tabs that share a connection, the least of the visible ones counts.
 * Where the hello says that nobody may know, no version is ever told. It must not know what is painted.
 *
 * The odd one: this file is loaded with the first hello, when the number is on the screen already. A page
 * never waits for it.
 */
import type { Environment } from './environment.js'
import type { ClientFrame, ServerFrame, StateFrame, Versions } from './frames.js'
import type { Tabs, TabWord } from './tabs.js'

export interface Receipts {
  /** A frame of this tab's own connection. */
  answer(frame: ServerFrame): void
  /** What another tab says of itself. */
  hear(word: TabWord): void
  /** The number may have changed, or the tab came to be seen or went out of sight. */
  note(): void
  /** Tells whoever connects for this tab what it has painted. */
  report(): void
  /** The least of what the visible tabs painted; nothing where none is visible. */
  summary(): Painted & { readonly tabs: number }
}

interface Painted {
  readonly painted: Versions
  readonly visible: boolean
}

/** The versions of one account that the server asked about and was not told of yet. */
interface Owed {
  readonly from: number
  readonly to: number
}

/** What receipts need of the store. */
export interface ReceiptNeeds {
  /** The user whose screen it is, and the versions that components show by now. */
  me(): string | null | undefined
  shown(): Versions
  heartbeat_ms(): number
  send(frame: ClientFrame): void
}

/** So often at most is a screen told of; the server minds more than sixty frames a second. */
const REST_MS = 50

export function createReceipts(
  environment: Environment,
  tabs: Pick<Tabs, 'isConnected' | 'leads' | 'say'>,
  { me, shown, heartbeat_ms, send }: ReceiptNeeds,
): Receipts {
  const others = new Map<string, Painted & { readonly at: number }>()
  let painted: Versions = {}
  let isComposing = false
  let mayTell = true
  const owed = new Map<string, Owed>()
  let isHiddenTold = false
  let isResting = false

  const own = (): Painted => ({ painted, visible: environment.visible() })

  function note(): void {
    const now = shown()
    if (isComposing || !environment.visible() || same(now, painted)) return
    isComposing = true
    environment.onFrame(() => {
      isComposing = false
      if (!environment.visible()) return
      painted = now
      report()
      note()
    })
  }

  function report(): void {
    if (tabs.isConnected()) tellShown()
    else tabs.say({ say: 'painted', ...own() })
  }

  function summary() {
    const oldest = environment.now() - 2.5 * heartbeat_ms()
    for (const [id, { at }] of others) if (at < oldest) others.delete(id)
    // Only the leader's connection is the others' too.
    const all: readonly Painted[] = [own(), ...(tabs.leads() ? others.values() : [])]
    const visible = all.filter((one) => one.visible)
    return {
      painted: least(visible.map((one) => one.painted)),
      visible: visible.length > 0,
      tabs: all.length,
    }
  }

  function tell(type: 'pong' | 'shown', told = summary()): void {
    send({ type, ...told, ...(!mayTell && { painted: {} }) })
  }

  function owe({ unit, version }: StateFrame): void {
    owed.set(unit, { from: owed.get(unit)?.from ?? version, to: version })
    isHiddenTold = false
    tellShown()
  }

  /** As soon as there is something to tell: it is painted, or nobody looks. Who looks later is told of then. */
  function tellShown(): void {
    if (isResting || !mayTell || owed.size === 0) return
    const told = summary()
    const isDue = told.visible ? payOff(told.painted) : !isHiddenTold
    if (!isDue) return
    isHiddenTold = true
    tell('shown', told)
    isResting = true
    environment.setTimer(() => {
      isResting = false
      tellShown()
    }, REST_MS)
  }

  /** True where any of what is owed is painted by now; that is owed no longer. */
  function payOff(now: Versions): boolean {
    const paid = [...owed].filter(([unit, { from }]) => from <= (now[unit] ?? 0))
    for (const [unit, { to }] of paid) {
      const from = (now[unit] ?? 0) + 1
      if (from > to) owed.delete(unit)
      else owed.set(unit, { from, to })
    }
    return paid.length > 0
  }

  return {
    note,
    report,
    summary,
    answer(frame) {
      if (frame.type === 'hello') mayTell = frame.receipts !== false
      if (frame.type === 'tick') tell('pong')
      // A re-send comes as a hello whose states ask, since it brings no newer version.
      const states = frame.type === 'hello' ? frame.accounts : frame.type === 'state' ? [frame] : []
      for (const state of states) if (state.receipt && state.user === me()) owe(state)
    },
    hear(word) {
      if (word.say === 'gone') others.delete(word.tab)
      else others.set(word.tab, { ...NOTHING_PAINTED, ...word, at: environment.now() })
      if (tabs.isConnected()) tellShown()
    },
  }
}

const NOTHING_PAINTED: Painted = { painted: {}, visible: false }

/** A twin of the one in `view.ts`: a part that is loaded later would tear that one out of the core's own file. */
const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** Unit by unit the lowest version; 0 for a unit that one of them has not painted at all. */
function least([first, ...rest]: readonly Versions[]): Versions {
  const lowest = { ...first }
  for (const one of rest)
    for (const unit in lowest) lowest[unit] = Math.min(lowest[unit] ?? 0, one[unit] ?? 0)
  return lowest
}
