/** What was applied lately, with the way to each report. */
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useActorName } from '../actors'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { type BatchItem, shop } from '../shop'

const SHOWN = 20

export const BATCH_STATES: Record<BatchItem['state'], string> = {
  previewed: 'previewed',
  refused: 'refused',
  running: 'running',
  applied: 'applied',
  reversed: 'undone',
  partly_reversed: 'undone in part',
}

export function Batches() {
  const who = useActorName()
  const read = useQuery({
    queryKey: ['batches'],
    queryFn: ({ signal }) => shop.batches({ limit: SHOWN }, signal),
  })
  const problem = read.error ? asProblem(read.error) : undefined
  const items = read.data?.items ?? []
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
      {read.data && items.length === 0 && (
        <p className="nothing">No batch was applied yet. The report of each stands here, with its Undo.</p>
      )}
      <ul className="items">
        {items.map((item) => (
          <li className="item" key={item.batch}>
            <div className="item-what">
              <Link href={`/bulk?batch=${item.batch}`} className="row-link">
                {formatAmount(item.rows)} {item.rows === 1 ? 'row' : 'rows'}
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
