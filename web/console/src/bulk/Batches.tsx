/**
 * What was applied lately, with the way to each report. A long list that went as several batches stands here once,
 * and one that broke off in this browser stands at the top.
 */
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useActorName } from '../actors'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { useSession } from '../session'
import { type BatchItem, shop } from '../shop'
import { keptRuns } from './kept'
import { stateOf } from './run'

const READ = 200
const SHOWN = 20

export const BATCH_STATES: Record<BatchItem['state'], string> = {
  previewed: 'previewed',
  refused: 'refused',
  running: 'running',
  interrupted: 'broken off',
  applied: 'applied',
  reversed: 'undone',
  partly_reversed: 'undone in part',
}

interface Group {
  href: string
  rows: number
  /** Older parts may stand on the next page. */
  isCut: boolean
  reason: string | null
  actor: string
  created_at: string
  state: BatchItem['state']
}

/** The batches of one run as one. */
export function grouped(items: readonly BatchItem[], hasMore: boolean): Group[] {
  const groups = new Map<string, BatchItem[]>()
  for (const item of items) {
    const name = item.run ?? item.batch
    groups.set(name, [...(groups.get(name) ?? []), item])
  }
  return [...groups.entries()].map(([name, parts], at) => {
    const first = parts.at(-1) as BatchItem
    return {
      href: first.run ? `/bulk?run=${encodeURIComponent(name)}` : `/bulk?batch=${name}`,
      rows: parts.reduce((sum, { rows }) => sum + rows, 0),
      isCut: hasMore && first.run !== null && at === groups.size - 1,
      reason: first.reason,
      actor: first.actor,
      created_at: first.created_at,
      state: stateOf(parts),
    }
  })
}

export function Batches() {
  const who = useActorName()
  const read = useQuery({
    queryKey: ['batches'],
    queryFn: ({ signal }) => shop.batches({ limit: READ }, signal),
  })
  const problem = read.error ? asProblem(read.error) : undefined
  const items = grouped(read.data?.items ?? [], read.data?.next != null).slice(0, SHOWN)
  return (
    <Card title="Batches" count={read.data ? items.length : undefined}>
      {problem && (
        <ProblemPanel
          title="The batches could not be read"
          problem={problem}
          retry={() => void read.refetch()}
        />
      )}
      {!read.data && !problem && <SkeletonRows count={2} />}
      <BrokenOff />
      {read.data && items.length === 0 && (
        <p className="nothing">No batch was applied yet. The report of each stands here, with its Undo.</p>
      )}
      <ul className="items">
        {items.map((item) => (
          <li className="item" key={item.href}>
            <div className="item-what">
              <Link href={item.href} className="row-link">
                {formatAmount(item.rows)}
                {item.isCut && '+'} {item.rows === 1 ? 'row' : 'rows'}
              </Link>
              <span className="dimmed">
                {[item.reason, who(item.actor)].filter(Boolean).join(' · ')} · <Ago at={item.created_at} />
              </span>
            </div>
            <span className="state-chip" data-state={item.state}>
              {BATCH_STATES[item.state]}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}

/** Runs of this browser whose last row was never answered. */
function BrokenOff() {
  const { operator } = useSession()
  const { data = [] } = useQuery({
    queryKey: ['kept runs', operator.id],
    queryFn: () => keptRuns(operator.id),
    retry: false,
  })
  const open = data.filter(({ isOver }) => !isOver)
  if (open.length === 0) return null
  return (
    <ul className="items" aria-label="Runs that broke off">
      {open.map((run) => (
        <li className="item" key={run.id}>
          <div className="item-what">
            <Link href={`/bulk?run=${encodeURIComponent(run.id)}`} className="row-link">
              {run.name}
            </Link>
            <span className="dimmed">
              {formatAmount(run.rows.length)} rows · begun <Ago at={run.begun_at} />
            </span>
          </div>
          <span className="state-chip" data-state="running">
            not finished
          </span>
        </li>
      ))}
    </ul>
  )
}
