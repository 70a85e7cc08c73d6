/**
 * How the balance came to be what it is: a stepped chart, and the same as a table.
 *
 * The entries are read once and then only what is new, so a busy account costs one small read per change.
 */
import '../styles/chart.css'
import { SegmentedControl, Skeleton } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useMemo } from 'react'
import { formatAmount, formatSigned } from '../amounts'
import { api, asProblem, type Entry } from '../api'
import type { Target } from '../changes'
import { Card } from '../components/Card'
import { kindName } from '../components/EntryIcon'
import { ProblemPanel } from '../components/ProblemPanel'
import { fullTime } from '../time'
import { useUrlState } from '../url'
import { extremesOf, joinedEntries, movedBy, type Point, pointsOf } from './series'

const Steps = lazy(() => import('./Steps'))

const PAGE = 200
const ENTRIES_MOST = 2000
const DAY_MS = 86_400_000
const SPANS = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: 'all', label: 'All' },
]

interface Read {
  entries: Entry[]
  /** There are older ones that are not shown. */
  isCut: boolean
}

/** The entries of a span, the newest first; those that are known are not read again. */
async function readEntries(
  user: string,
  unit: string,
  since: string | undefined,
  known: Read | undefined,
  signal: AbortSignal,
): Promise<Read> {
  const newest = known?.entries[0]?.version ?? 0
  let entries: Entry[] = []
  let after: string | undefined
  do {
    const page = await api.history(user, { unit, since, limit: PAGE, after }, signal)
    entries = entries.concat(page.items)
    after = page.next ?? undefined
    const meets = known && (page.items.at(-1)?.version ?? 0) <= newest
    if (meets) return { entries: joinedEntries(entries, known.entries), isCut: known.isCut }
  } while (after && entries.length < ENTRIES_MOST)
  return { entries, isCut: after !== undefined }
}

export default function BalanceChart({ target }: { target: Target }) {
  const { user, unit, scale } = target
  const url = useUrlState()
  const client = useQueryClient()
  const span = SPANS.find(({ value }) => value === url.get('span'))?.value ?? '30'
  const isTable = url.get('chart') === 'table'
  const queryKey = ['chart', user, unit, span]
  const read = useQuery({
    queryKey,
    queryFn: ({ signal }) => {
      const since = span === 'all' ? undefined : new Date(Date.now() - Number(span) * DAY_MS).toISOString()
      return readEntries(user, unit, since, client.getQueryData<Read>(queryKey), signal)
    },
  })
  const problem = read.error ? asProblem(read.error) : undefined
  const { data, dataUpdatedAt } = read
  const points = useMemo(() => {
    if (!data) return []
    const since = span === 'all' ? undefined : dataUpdatedAt - Number(span) * DAY_MS
    return pointsOf(data.entries, since, { at: dataUpdatedAt, credits: target.credits })
  }, [data, dataUpdatedAt, span, target.credits])

  return (
    <Card
      title="Balance over time"
      action={
        <SegmentedControl
          size="xs"
          aria-label="Show as"
          value={isTable ? 'table' : 'chart'}
          data={[
            { value: 'chart', label: 'Chart' },
            { value: 'table', label: 'Table' },
          ]}
          onChange={(value) => url.patch({ chart: value === 'table' ? value : null }, { replace: true })}
        />
      }
    >
      {problem && (
        <ProblemPanel
          title="The entries could not be read"
          problem={problem}
          retry={() => void read.refetch()}
        />
      )}
      {!data && !problem && <Skeleton height={192} mx={16} mb={16} width="auto" />}
      {data && (
        <div className="card-body">
          {isTable ? (
            <StepsTable points={points} scale={scale} />
          ) : (
            <Suspense fallback={<Skeleton height={192} />}>
              <Steps points={points} scale={scale} label={inWords(points, unit, scale)} />
            </Suspense>
          )}
          <div className="steps-foot">
            <SegmentedControl
              size="xs"
              aria-label="Span"
              value={span}
              data={SPANS}
              onChange={(value) => url.patch({ span: value === '30' ? null : value }, { replace: true })}
            />
            {data.isCut && (
              <span className="hint">The newest {formatAmount(data.entries.length)} entries are shown.</span>
            )}
          </div>
        </div>
      )}
    </Card>
  )
}

function inWords(points: readonly Point[], unit: string, scale: number): string {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last) return `No ${unit} yet`
  const { lowest, highest } = extremesOf(points)
  const amount = (value: number) => formatAmount(value, scale)
  const since = fullTime(new Date(first.at).toISOString())
  return `Available ${unit} since ${since}: from ${amount(first.credits)} to ${amount(last.credits)} now, lowest ${amount(lowest)}, highest ${amount(highest)}`
}

/** The twin of the picture, for whoever cannot see it and for whoever wants to copy a figure. */
function StepsTable({ points, scale }: { points: readonly Point[]; scale: number }) {
  const steps = points.filter((point) => point.entry !== undefined).reverse()
  if (steps.length === 0) return <p className="nothing">The balance did not change in this time.</p>
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard
    <section className="steps-table" aria-label="Balance over time, as a table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Entry</th>
            <th scope="col" className="end">
              Change
            </th>
            <th scope="col" className="end">
              Available
            </th>
          </tr>
        </thead>
        <tbody>
          {steps.map(
            ({ entry, credits }) =>
              entry && (
                <tr key={entry.version}>
                  <td>
                    <time dateTime={entry.at}>{fullTime(entry.at)}</time>
                  </td>
                  <td>
                    {kindName(entry.kind)} · v{entry.version}
                  </td>
                  <td className="end numeral">{formatSigned(movedBy(entry), scale)}</td>
                  <td className="end numeral">{formatAmount(credits, scale)}</td>
                </tr>
              ),
          )}
        </tbody>
      </table>
    </section>
  )
}
