/**
 * A run: its progress, its one report however many batches it took, and its undo.
 *
 * While this tab applies it, or has just done so, the tab knows best; after a reload the server tells what stands.
 * A run that broke off in this browser goes on here by the same keys.
 */
import { Button, Group, Text } from '@mantine/core'
import { IconArrowLeft, IconDownload, IconPlayerPlay } from '@tabler/icons-react'
import { type UseQueryResult, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { Link } from 'wouter'
import { useActorName } from '../actors'
import { formatAmount } from '../amounts'
import { announce } from '../announce'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { download } from '../csv'
import { useOnline } from '../live'
import { useSession } from '../session'
import type { BatchRowResult } from '../shop'
import { useUnits } from '../units'
import { BATCH_STATES } from './Batches'
import { type KeptRun, keptRun } from './kept'
import { ResultsTable } from './ResultsTable'
import { RunBar } from './RunBar'
import { reportOf } from './report'
import { readRun, type ToldRun } from './run'
import { forgetRunning, type Running, startRun, useRunning } from './running'
import { TotalsList } from './TotalsList'
import { UndoButton } from './UndoButton'

export default function RunPage({ id, onNew }: { id: string; onNew: () => void }) {
  const { operator } = useSession()
  const known = useRunning(id)
  const running = known?.run.operator === operator.id ? known : undefined
  const [reading, setReading] = useState({ done: 0, of: 0 })
  const kept = useQuery({ queryKey: ['kept run', id], queryFn: () => keptRun(operator.id, id), retry: false })
  const told = useQuery({
    queryKey: ['run', id],
    queryFn: ({ signal }) => readRun(id, (done, of) => setReading({ done, of }), signal),
    enabled: running === undefined,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const run = running?.run ?? kept.data ?? undefined
  const problem = told.error && !running ? asProblem(told.error) : undefined
  const results = useMemo(
    () => withSkipped(running?.applied.results ?? told.data?.results ?? [], run),
    [running, told.data, run],
  )
  const isMissing = !running && told.data === null && kept.isSuccess && !kept.data
  return (
    <>
      <Link href="/bulk" className="back">
        <IconArrowLeft size={15} aria-hidden /> Bulk
      </Link>
      <PageHead title="Run" />
      {problem && (
        <ProblemPanel title="The run could not be read" problem={problem} retry={() => void told.refetch()} />
      )}
      {isMissing && <p className="nothing">There is no such run. It may be kept in another browser.</p>}
      {!running && !problem && !told.isSuccess && (
        <section className="card" aria-label="Reading the run">
          {reading.of > 1 ? (
            <div className="card-body">
              <RunBar label="Reading the run" {...reading} things="parts" />
            </div>
          ) : (
            <SkeletonRows />
          )}
        </section>
      )}
      {(running || told.data || (told.isSuccess && kept.data)) && (
        <Report id={id} run={run} running={running} told={told} results={results} onNew={onNew} />
      )}
    </>
  )
}

/** The report tells of every row: those that were not sent stand as the dry run refused them. */
function withSkipped(results: BatchRowResult[], run: KeptRun | undefined): BatchRowResult[] {
  if (!run || run.skipped.length === 0) return results
  const sent = new Set(results.map(({ row }) => row))
  return [...results, ...run.skipped.filter(({ row }) => !sent.has(row))]
}

interface ReportProps {
  id: string
  run: KeptRun | undefined
  running: Running | undefined
  told: UseQueryResult<ToldRun | null>
  results: BatchRowResult[]
  onNew: () => void
}

function Report({ id, run, running, told, results, onNew }: ReportProps) {
  const client = useQueryClient()
  const who = useActorName()
  const { scaleOf } = useUnits()
  const unreadable = run?.unreadable ?? []
  const all = run && !run.isOver ? run.rows.length : results.length
  const answered = running?.applied.results.length ?? told.data?.results.length ?? 0
  const stopped = running ? running.applied.problem : undefined
  const isBroken = !running && run !== undefined && !run.isOver
  const isOver = !running?.busy && !stopped && !isBroken
  const name = run?.name ?? told.data?.reason ?? id
  useToldAtTheEnd(running, results)

  const goOn = async () => {
    if (!run) return
    await startRun(run)
    void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'run' })
  }
  const readAgain = async () => {
    const fresh = await told.refetch()
    forgetRunning(id)
    void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'run' })
    return fresh.data?.results ?? results
  }

  return (
    <Card
      title={isOver ? `Report: ${name}` : name}
      count={`${formatAmount(Math.max(all, results.length) + unreadable.length)} rows`}
      action={
        results.length + unreadable.length > 0 && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconDownload size={13} />}
            onClick={() => download('report.csv', reportOf(results, unreadable, scaleOf, false))}
          >
            Report as CSV
          </Button>
        )
      }
    >
      <div className="card-body">
        {told.data && !running && (
          <p className="hint">
            {BATCH_STATES[told.data.state]} · {who(told.data.actor)} · <Ago at={told.data.created_at} /> ·{' '}
            <code>{id}</code>
          </p>
        )}
        {running?.busy && <RunBar label="Applying" done={running.done} of={running.run.rows.length} />}
        {stopped && !running?.busy && (
          <ProblemPanel
            title={`Stopped after ${formatAmount(answered)} of ${formatAmount(all)} rows`}
            problem={stopped}
            retry={() => void goOn()}
          />
        )}
        {isBroken && <Broken answered={answered} all={all} onGoOn={() => void goOn()} />}
        {results.length + unreadable.length > 0 && (
          <TotalsList results={results} unreadable={unreadable.length} isPreview={false} />
        )}
        {isOver && (
          <Group gap="sm" mt="sm">
            <UndoButton what={{ run: id }} results={results} onUndone={readAgain} />
            <Button variant="default" onClick={onNew}>
              Another file
            </Button>
          </Group>
        )}
      </div>
      {results.length + unreadable.length > 0 && (
        <ResultsTable results={results} unreadable={unreadable} isPreview={false} />
      )}
    </Card>
  )
}

/** The end is said once, also when the operator looks at something else on this page. */
function useToldAtTheEnd(running: Running | undefined, results: readonly BatchRowResult[]): void {
  const busy = running?.busy ?? false
  const [was, setWas] = useState(busy)
  useEffect(() => {
    if (was === busy) return
    setWas(busy)
    if (busy) return
    const ok = results.filter((row) => row.ok).length
    announce(running?.applied.problem ? 'The run stopped' : `${formatAmount(ok)} rows applied`)
  }, [was, busy, running, results])
}

interface BrokenProps {
  answered: number
  all: number
  onGoOn: () => void
}

function Broken({ answered, all, onGoOn }: BrokenProps) {
  const online = useOnline()
  return (
    <section className="problem" aria-label="This run broke off">
      <div>
        <Text fw={600}>This run broke off</Text>
        <Text size="sm">
          {formatAmount(answered)} of {formatAmount(all)} rows are booked. Going on sends the rest; no row is
          booked twice.
        </Text>
        <Button
          size="compact-sm"
          mt="xs"
          disabled={!online}
          leftSection={<IconPlayerPlay size={14} />}
          onClick={onGoOn}
        >
          Go on
        </Button>
      </div>
    </section>
  )
}
