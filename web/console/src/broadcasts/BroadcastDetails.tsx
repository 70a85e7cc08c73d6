/** One broadcast below its row: every screen that is still open, what is not known, and the way to send it again. */
import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { ProblemPanel } from '../components/ProblemPanel'
import { browserName } from '../components/Screens'
import { useFollow } from '../live'
import { useSession } from '../session'
import { fullTime } from '../time'
import { type Broadcast, type BroadcastDetail, detailsNote, log, type Sight } from './log'
import { Resend } from './Resend'
import { StateChip } from './ScreenCounts'

export function BroadcastDetails({ row }: { row: Broadcast }) {
  const { mayChange } = useSession()
  const read = useQuery({
    queryKey: ['broadcast', row.id],
    queryFn: ({ signal }) => log.one(row.id, signal),
  })
  const { refetch } = read
  useFollow(
    'broadcasts',
    useCallback(() => void refetch(), [refetch]),
  )
  const problem = read.error ? asProblem(read.error) : undefined
  return (
    <div className="broadcast-open">
      <Facts row={row} />
      <section aria-label={`Screens of ${row.id}`} aria-busy={read.isPending}>
        {problem && (
          <ProblemPanel
            title="The screens could not be read"
            problem={problem}
            retry={() => void refetch()}
          />
        )}
        {read.isPending && <Skeleton height={12} width="50%" my={10} aria-hidden />}
        {read.data && <Sights detail={read.data} />}
      </section>
      <div className="broadcast-deeds">
        {mayChange && <Resend user={row.user_id} />}
        <Link href={`/users/${encodeURIComponent(row.user_id)}`} className="row-link">
          Open the user
        </Link>
      </div>
    </div>
  )
}

function Facts({ row }: { row: Broadcast }) {
  const facts: [string, string | null][] = [
    ['Committed', fullTime(row.committed_at)],
    ['Actor', row.actor],
    ['Cause', row.label],
    ['Node', row.node ?? 'nobody counted'],
    [row.asked ? 'Re-send' : 'Entry', row.id],
  ]
  return (
    <dl className="pairs">
      {facts.map(
        ([name, value]) =>
          value && (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <code dir="auto">{value}</code>
              </dd>
            </div>
          ),
      )}
    </dl>
  )
}

function Sights({ detail }: { detail: BroadcastDetail }) {
  const note = detailsNote(detail)
  return (
    <>
      {detail.shown_on.length > 0 && (
        <ul className="sights">
          {detail.shown_on.map((sight) => (
            <SightItem key={sight.screen} sight={sight} />
          ))}
        </ul>
      )}
      {note && <p className="sights-note">{note}</p>}
    </>
  )
}

function SightItem({ sight }: { sight: Sight }) {
  const { state, version, ms, tabs } = sight
  return (
    <li className="sight" data-state={state}>
      <span className="sight-browser" title={sight.user_agent}>
        {browserName(sight.user_agent)}
        <span className="dimmed">
          {` · ${sight.carrier}`}
          {tabs > 1 && ` · ${tabs} tabs`}
        </span>
      </span>
      <StateChip state={state} text={state} />
      <span className="numeral">{version === null ? 'nothing painted yet' : `shows v${version}`}</span>
      <span className="numeral dimmed">
        {state === 'shown' && ms !== null ? `${formatAmount(ms)} ms` : '–'}
      </span>
    </li>
  )
}
