/**
 * The account's entries, newest first, with the balance that each one left.
 *
 * An entry that can be taken back has Reverse; one that was taken back says so. Entries that came while the
 * page was open are tinted once.
 */
import { Button, Select, Skeleton } from '@mantine/core'
import { IconArrowBackUp, IconHistory } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Fragment, useRef } from 'react'
import { useActorName } from '../actors'
import { formatAmount } from '../amounts'
import { api, asProblem, type Entry } from '../api'
import { type Target, useChanges } from '../changes'
import { useSession } from '../session'
import { clockTime, dayName, fullTime } from '../time'
import { useUrlState } from '../url'
import { Amount } from './Amount'
import { Card } from './Card'
import { Empty } from './Empty'
import { EntryIcon, KINDS, kindName } from './EntryIcon'
import { ProblemPanel } from './ProblemPanel'
import { IN_PLACE } from './ReasonInput'
import { ReasonPopover } from './ReasonPopover'

const PAGE = 50
const REVERSIBLE = new Set(['adjust', 'set', 'grant', 'spend', 'capture', 'transfer', 'redeem', 'fulfil'])

export function Timeline({ target, version }: { target: Target; version: number }) {
  const url = useUrlState()
  const kind = url.get('kind')
  const read = useInfiniteQuery({
    queryKey: ['history', target.user, target.unit, kind],
    queryFn: ({ pageParam, signal }) =>
      api.history(
        target.user,
        { unit: target.unit, kind: kind ?? undefined, limit: PAGE, after: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
  })
  const opened = useRef(version)
  const entries = read.data?.pages.flatMap((page) => page.items)
  const problem = read.error ? asProblem(read.error) : undefined

  return (
    <Card
      title="Timeline"
      action={
        <Select
          aria-label="Kind of entry"
          placeholder="All kinds"
          size="xs"
          w={130}
          clearable
          comboboxProps={IN_PLACE}
          value={kind}
          data={KINDS.map((each) => ({ value: each, label: kindName(each) }))}
          onChange={(value) => url.patch({ kind: value })}
          clearButtonProps={{ 'aria-label': 'All kinds' }}
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
      {!entries && !problem && <TimelineSkeleton />}
      {entries && entries.length === 0 && (
        <Empty icon={<IconHistory size={22} />} title={kind ? `No ${kind} entries` : 'No entries yet'}>
          {kind ? 'Choose another kind, or all kinds.' : 'Grant some credits: the entry stands here at once.'}
        </Empty>
      )}
      {entries && entries.length > 0 && (
        <ol className="timeline">
          {entries.map((entry, at) => {
            const day = dayName(entry.at)
            const before = entries[at - 1]
            return (
              <Fragment key={entry.entry}>
                {(!before || dayName(before.at) !== day) && <li className="timeline-day">{day}</li>}
                <TimelineEntry entry={entry} target={target} isNew={entry.version > opened.current} />
              </Fragment>
            )
          })}
        </ol>
      )}
      {read.hasNextPage && (
        <div className="more">
          <Button
            variant="default"
            size="xs"
            loading={read.isFetchingNextPage}
            onClick={() => void read.fetchNextPage()}
          >
            Older entries
          </Button>
        </div>
      )}
    </Card>
  )
}

interface EntryProps {
  entry: Entry
  target: Target
  isNew: boolean
}

function TimelineEntry({ entry, target, isNew }: EntryProps) {
  const actorName = useActorName()
  const said = [...new Set([entry.reason, entry.label])].filter(Boolean).join(' · ')
  return (
    <li className="entry" data-new={isNew || undefined} data-reversed={entry.reversed_by ? true : undefined}>
      <span className="entry-icon" data-kind={entry.kind}>
        <EntryIcon kind={entry.kind} />
      </span>
      <div className="entry-what">
        <span className="entry-kind">
          {kindName(entry.kind)}
          {entry.reversed_by && <span className="chip">Reversed</span>}
        </span>
        {said && <bdi className="entry-said">{said}</bdi>}
        <span className="entry-by" title={fullTime(entry.at)}>
          <time dateTime={entry.at}>{clockTime(entry.at)}</time>
          {entry.actor && ` · ${actorName(entry.actor)}`}
          {` · v${entry.version}`}
        </span>
      </div>
      <div className="entry-amount">
        <EntryAmount entry={entry} scale={target.scale} />
        <span className="entry-balance numeral">
          <span className="visually-hidden">leaves </span>
          {formatAmount(entry.credits, target.scale)}
        </span>
      </div>
      <div className="entry-action">
        <Reverse entry={entry} target={target} />
      </div>
    </li>
  )
}

/** What an entry did to the available credits; what only moved into or out of a hold looks like a hold. */
function EntryAmount({ entry, scale }: { entry: Entry; scale: number }) {
  if (entry.kind !== 'hold' && entry.kind !== 'release') return <Amount value={entry.amount} scale={scale} />
  return <Amount value={entry.settled_delta - entry.held_delta} scale={scale} held />
}

function Reverse({ entry, target }: { entry: Entry; target: Target }) {
  const { mayChange } = useSession()
  const { reverse } = useChanges()
  if (!mayChange || entry.reversed_by || !REVERSIBLE.has(entry.kind)) return null
  return (
    <ReasonPopover
      label="Reverse"
      name={`Reverse ${entry.kind} of version ${entry.version}`}
      icon={<IconArrowBackUp size={13} />}
      confirm="Reverse entry"
      onConfirm={(reason) => void reverse(target, entry, reason)}
    >
      <span className="hint">
        Books the counter-entry <Amount value={-entry.amount} scale={target.scale} />
      </span>
    </ReasonPopover>
  )
}

function TimelineSkeleton() {
  return (
    <div className="skeletons" aria-hidden>
      {[0, 1, 2, 3, 4].map((at) => (
        <div className="skeleton-row" key={at}>
          <Skeleton circle height={28} />
          <Skeleton height={12} width={`${36 - at * 3}%`} />
          <Skeleton height={12} width={54} ml="auto" />
        </div>
      ))}
    </div>
  )
}
