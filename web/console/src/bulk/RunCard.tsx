/**
 * Before a run: what every row would do, and the total to type. Nothing is sent but dry runs.
 *
 * Rows that the dry run refused are not sent, unless it is all or nothing.
 */
import { Button, Group, Stack, Switch, Text, TextInput } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { type FormEvent, useEffect, useMemo, useState } from 'react'
import { counted, formatAmount, formatSigned, parseAmount } from '../amounts'
import { asProblem, type Problem } from '../api'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { download } from '../csv'
import { useOnline } from '../live'
import { useSession } from '../session'
import type { BatchRowResult } from '../shop'
import { useUnits } from '../units'
import type { KeptRun } from './kept'
import { type Plan, totalsOf } from './plan'
import { ResultsTable } from './ResultsTable'
import { RunBar } from './RunBar'
import { reportOf } from './report'
import { ROWS_AT_ONCE, runOf, tryRun } from './run'
import { TotalsList } from './TotalsList'

interface Props {
  name: string
  plan: Plan
  /** Where "back" leads: the columns of the file, or the users that were selected. */
  back: string
  onBack: () => void
  /** The total was typed: this run is to begin. */
  onRun: (run: KeptRun) => void
}

const NO_RESULTS: BatchRowResult[] = []

export default function RunCard({ name, plan, back, onBack, onRun }: Props) {
  const { scaleOf } = useUnits()
  const { operator } = useSession()
  const run = useMemo(() => runOf(plan.rows), [plan])
  const [atomic, setAtomic] = useState(false)
  const [again, setAgain] = useState(0)
  const [preview, setPreview] = useState<BatchRowResult[]>()
  const [problem, setProblem] = useState<Problem>()
  const [done, setDone] = useState(0)

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
  const results = preview ?? NO_RESULTS

  const begin = () =>
    onRun({
      intent: run.intent,
      id: run.id,
      operator: operator.id,
      name,
      begun_at: new Date().toISOString(),
      rows,
      atomic,
      skipped: atomic ? [] : results.filter(({ ok }) => !ok),
      unreadable: plan.unreadable,
      isOver: false,
    })

  return (
    <Card
      title={name}
      count={`${formatAmount(plan.rows.length + plan.unreadable.length)} rows`}
      action={
        results.length + plan.unreadable.length > 0 && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconDownload size={13} />}
            onClick={() => download('preview.csv', reportOf(results, plan.unreadable, scaleOf, true))}
          >
            Preview as CSV
          </Button>
        )
      }
    >
      <div className="card-body">
        {!preview && !problem && (
          <RunBar label="Trying every row, nothing is changed" done={done} of={run.rows.length} />
        )}
        {problem && (
          <ProblemPanel
            title="The preview could not be made"
            problem={problem}
            retry={() => setAgain(again + 1)}
          />
        )}
        {preview && (
          <>
            <TotalsList results={results} unreadable={plan.unreadable.length} isPreview />
            <Confirm
              results={preview}
              rows={rows.length}
              unreadable={plan.unreadable.length}
              atomic={atomic}
              mayBeAtomic={plan.rows.length <= ROWS_AT_ONCE}
              onAtomic={setAtomic}
              onConfirm={begin}
            />
          </>
        )}
        <Button variant="subtle" color="gray" className="quiet" size="compact-sm" mt="sm" onClick={onBack}>
          {back}
        </Button>
      </div>
      {(preview || plan.unreadable.length > 0) && (
        <ResultsTable results={results} unreadable={plan.unreadable} isPreview />
      )}
    </Card>
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
              Apply {counted(rows, 'row')}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}
