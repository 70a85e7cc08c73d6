/**
 * The run itself: the dry run, the total to type, the progress, the report and Undo.
 *
 * Rows that the dry run refused are not sent, unless it is all or nothing. What stopped in the middle goes on by
 * the same keys.
 */
import { Progress as Bar, Button, Group, Stack, Switch, Text, TextInput } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useEffect, useMemo, useState } from 'react'
import { formatAmount, formatSigned, parseAmount } from '../amounts'
import { announce } from '../announce'
import { asProblem, type Problem } from '../api'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { download } from '../csv'
import { useOnline } from '../live'
import type { BatchRowResult } from '../shop'
import { useUnits } from '../units'
import { type Plan, totalsOf } from './plan'
import { ResultsTable } from './ResultsTable'
import { reportOf } from './report'
import { type Applied, applyRun, ROWS_AT_ONCE, runOf, tryRun } from './run'
import { TotalsList } from './TotalsList'
import { UndoButton } from './UndoButton'

interface Props {
  name: string
  plan: Plan
  onBack: () => void
  onNew: () => void
}

const NOTHING: Applied = { batches: [], results: [] }

export function RunCard({ name, plan, onBack, onNew }: Props) {
  const client = useQueryClient()
  const { scaleOf } = useUnits()
  const run = useMemo(() => runOf(plan.rows), [plan])
  const [atomic, setAtomic] = useState(false)
  const [again, setAgain] = useState(0)
  const [preview, setPreview] = useState<BatchRowResult[]>()
  const [problem, setProblem] = useState<Problem>()
  const [done, setDone] = useState(0)
  const [busy, setBusy] = useState(false)
  const [applied, setApplied] = useState<Applied>()

  // biome-ignore lint/correctness/useExhaustiveDependencies: `again` asks for another attempt
  useEffect(() => {
    const stop = new AbortController()
    setPreview(undefined)
    setProblem(undefined)
    setDone(0)
    tryRun(run, atomic, (count) => !stop.signal.aborted && setDone(count), stop.signal).then(
      (results) => !stop.signal.aborted && setPreview(results),
      (error) => !stop.signal.aborted && setProblem(asProblem(error)),
    )
    return () => stop.abort()
  }, [run, atomic, again])

  const rows = useMemo(() => {
    const fits = new Set(preview?.filter(({ ok }) => ok).map(({ row }) => row))
    return atomic ? run.rows : run.rows.filter(({ row }) => fits.has(row))
  }, [run, preview, atomic])

  const apply = async () => {
    setBusy(true)
    const result = await applyRun(run, rows, atomic, applied ?? NOTHING, setDone)
    setBusy(false)
    setApplied(result)
    const ok = result.results.filter((row) => row.ok).length
    announce(result.problem ? 'The run stopped' : `${formatAmount(ok)} rows applied`)
    void client.invalidateQueries()
  }
  const isOver = applied !== undefined && !applied.problem
  const results = useMemo(
    () => (applied ? withSkipped(applied.results, preview ?? []) : (preview ?? [])),
    [applied, preview],
  )
  const isPreview = applied === undefined

  return (
    <Card
      title={isOver ? `Report: ${name}` : name}
      count={`${formatAmount(plan.rows.length + plan.unreadable.length)} rows`}
      action={
        results.length + plan.unreadable.length > 0 && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconDownload size={13} />}
            onClick={() =>
              download(
                `${isPreview ? 'preview' : 'report'}.csv`,
                reportOf(results, plan.unreadable, scaleOf, isPreview),
              )
            }
          >
            {isPreview ? 'Preview as CSV' : 'Report as CSV'}
          </Button>
        )
      }
    >
      <div className="card-body">
        {(busy || (!preview && !problem)) && (
          <Running
            label={busy ? 'Applying' : 'Trying every row, nothing is changed'}
            done={done}
            of={busy ? rows.length : run.rows.length}
          />
        )}
        {problem && (
          <ProblemPanel
            title="The preview could not be made"
            problem={problem}
            retry={() => setAgain(again + 1)}
          />
        )}
        {applied?.problem && !busy && (
          <ProblemPanel
            title={`Stopped after ${formatAmount(applied.results.length)} of ${formatAmount(rows.length)} rows`}
            problem={applied.problem}
            retry={() => void apply()}
          />
        )}
        {results.length + plan.unreadable.length > 0 && preview && (
          <TotalsList results={results} unreadable={plan.unreadable.length} isPreview={isPreview} />
        )}
        {preview && !applied && !busy && (
          <Confirm
            results={preview}
            rows={rows.length}
            unreadable={plan.unreadable.length}
            atomic={atomic}
            mayBeAtomic={plan.rows.length <= ROWS_AT_ONCE}
            onAtomic={setAtomic}
            onConfirm={() => void apply()}
          />
        )}
        {isOver && (
          <Group gap="sm" mt="sm">
            <UndoButton applied={applied} onUndone={setApplied} />
            <Button variant="default" onClick={onNew}>
              Another file
            </Button>
          </Group>
        )}
        {!applied && !busy && (
          <Button variant="subtle" color="gray" className="quiet" size="compact-sm" mt="sm" onClick={onBack}>
            Back to the columns
          </Button>
        )}
      </div>
      {(preview || plan.unreadable.length > 0) && (
        <ResultsTable results={results} unreadable={plan.unreadable} isPreview={isPreview} />
      )}
    </Card>
  )
}

/** The report tells of every row: those that were not sent stand as the dry run refused them. */
function withSkipped(results: BatchRowResult[], preview: readonly BatchRowResult[]): BatchRowResult[] {
  const sent = new Set(results.map(({ row }) => row))
  return [...results, ...preview.filter(({ row, ok }) => !ok && !sent.has(row))]
}

function Running({ label, done, of }: { label: string; done: number; of: number }) {
  return (
    <div className="running">
      <Bar value={of > 0 ? (done / of) * 100 : 0} animated aria-label={label} />
      <Text size="sm" c="dimmed" mt={4} className="numeral">
        {label}: {formatAmount(done)} of {formatAmount(of)} rows
      </Text>
    </div>
  )
}

interface ConfirmProps {
  results: readonly BatchRowResult[]
  rows: number
  unreadable: number
  atomic: boolean
  mayBeAtomic: boolean
  onAtomic: (atomic: boolean) => void
  onConfirm: () => void
}

/** The total has to be typed: the one figure that a wrong file gets wrong. */
function Confirm({ results, rows, unreadable, atomic, mayBeAtomic, onAtomic, onConfirm }: ConfirmProps) {
  const { scaleOf } = useUnits()
  const online = useOnline()
  const [typed, setTyped] = useState('')
  const [tried, setTried] = useState(false)
  const totals = totalsOf(results)
  const [only] = totals
  const single = totals.length === 1 && only ? only : undefined
  const scale = single ? scaleOf(single.unit) : 0
  const wanted = single ? single.net : rows
  const shown = single ? formatSigned(wanted, scale) : formatAmount(wanted)
  const refused = results.filter(({ ok }) => !ok).length
  const stopped = atomic && refused + unreadable > 0
  const parsed = parseAmount(typed.trim().replace(/^\+/, ''), scale)
  const fits = parsed.ok && parsed.value === wanted
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (fits && rows > 0 && !stopped) onConfirm()
  }
  if (rows === 0 && !atomic) {
    return <Text size="sm">No row fits, so there is nothing to apply. Mend the file and drop it again.</Text>
  }
  return (
    <form onSubmit={submit} aria-label="Confirm">
      <Stack gap="sm">
        {(refused + unreadable > 0 || atomic) && (
          <Switch
            label="All or nothing: one error stops every row"
            checked={atomic}
            disabled={!mayBeAtomic}
            description={mayBeAtomic ? undefined : `Possible up to ${formatAmount(ROWS_AT_ONCE)} rows`}
            onChange={(event) => onAtomic(event.currentTarget.checked)}
          />
        )}
        {stopped ? (
          <Text size="sm">
            {formatAmount(refused + unreadable)} {refused + unreadable === 1 ? 'error stops' : 'errors stop'}{' '}
            all rows. Mend the file, or apply the rows that fit.
          </Text>
        ) : (
          <Group align="flex-end" gap="sm">
            <TextInput
              label={single ? `Type the total: ${shown}` : `Type the number of rows: ${shown}`}
              autoComplete="off"
              classNames={{ input: 'numeral' }}
              value={typed}
              error={tried && !fits ? `That is not ${shown}` : undefined}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            <Button type="submit" disabled={!online}>
              Apply {formatAmount(rows)} {rows === 1 ? 'row' : 'rows'}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}
