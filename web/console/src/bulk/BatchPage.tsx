/** One batch that stands alone: its report, to look at, to download, to undo. */
import { Button } from '@mantine/core'
import { IconArrowLeft, IconDownload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { useActorName } from '../actors'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { download } from '../csv'
import { shop } from '../shop'
import { useUnits } from '../units'
import { BATCH_STATES } from './Batches'
import { ResultsTable } from './ResultsTable'
import { reportOf } from './report'
import { TotalsList } from './TotalsList'
import { UndoButton } from './UndoButton'

export default function BatchPage({ id }: { id: string }) {
  const who = useActorName()
  const { scaleOf } = useUnits()
  const read = useQuery({ queryKey: ['batch', id], queryFn: ({ signal }) => shop.batchOf(id, signal) })
  const problem = read.error ? asProblem(read.error) : undefined
  const batch = read.data
  return (
    <>
      <Link href="/bulk" className="back">
        <IconArrowLeft size={15} aria-hidden /> Bulk
      </Link>
      <PageHead title="Batch" />
      {problem && (
        <ProblemPanel
          title={problem.status === 404 ? 'There is no such batch' : 'The batch could not be read'}
          problem={problem}
          retry={() => void read.refetch()}
        />
      )}
      {!batch && !problem && <SkeletonRows />}
      {batch && (
        <Card
          title={batch.reason ?? id}
          count={`${formatAmount(batch.rows.length)} rows`}
          action={
            <Button
              size="compact-xs"
              variant="default"
              leftSection={<IconDownload size={13} />}
              onClick={() => download(`${id}.csv`, reportOf(batch.rows, [], scaleOf, false))}
            >
              Report as CSV
            </Button>
          }
        >
          <div className="card-body">
            <p className="hint">
              {BATCH_STATES[batch.state]}
              {batch.actor && ` · ${who(batch.actor)}`} · <Ago at={batch.created_at} /> · <code>{id}</code>
            </p>
            <TotalsList results={batch.rows} unreadable={0} isPreview={false} />
            <UndoButton
              what={{ batch: id }}
              results={batch.rows}
              onUndone={async () => (await read.refetch()).data?.rows ?? batch.rows}
            />
          </div>
          <ResultsTable results={batch.rows} unreadable={[]} isPreview={false} />
        </Card>
      )}
    </>
  )
}
