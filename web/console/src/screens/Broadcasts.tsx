/**
 * Broadcasts: every change on its way to the screens of its user, live, and who has seen it.
 *
 * New rows come in at the top only where they move nothing that somebody looks at; else a button offers them. Filters,
 * page and the open row stand in the address. What some screen has not painted yet stands out.
 */
import '../styles/broadcasts.css'
import { Button, NativeSelect, SegmentedControl } from '@mantine/core'
import { IconBroadcast, IconRefresh, IconSearch } from '@tabler/icons-react'
import { useRef } from 'react'
import { useLocation } from 'wouter'
import type { Page } from '../api'
import { useArrivals } from '../broadcasts/arrivals'
import { BroadcastsTable } from '../broadcasts/BroadcastsTable'
import { type Broadcast, log, RESEND } from '../broadcasts/log'
import { Cursor } from '../components/Cursor'
import { Empty } from '../components/Empty'
import { KINDS, kindName } from '../components/EntryIcon'
import { DayFilter, startOf, TextFilter } from '../components/Filters'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { useSteadyPage } from '../steady'
import { useUnits } from '../units'
import { FIRST_PAGE, type UrlState, useUrlState } from '../url'

const PAGE = 50

const STATES = [
  { value: '', label: 'All' },
  { value: 'behind', label: 'Behind' },
  { value: 'unseen', label: 'Not shown' },
  { value: 'shown', label: 'Shown' },
  { value: 'none', label: 'No screen' },
]

const NO_FILTERS = {
  user: null,
  unit: null,
  kind: null,
  state: null,
  since: null,
  until: null,
  ...FIRST_PAGE,
}

export default function Broadcasts() {
  const url = useUrlState()
  const filters = filtersOf(url)
  const open = url.get('row')
  const after = url.get('after') ?? undefined
  const before = url.get('before') ?? undefined
  const { readPage, readOne } = useRowReader()
  const { page, isOld, problem, retry, showNewOrder, news } = useSteadyPage<Broadcast, Page<Broadcast>>({
    name: 'broadcasts',
    follows: 'broadcasts',
    query: { ...filters, limit: PAGE, after, before },
    read: readPage,
    // Without this filter a row leaves the page because newer ones came, not because it changed.
    ...(filters.state ? { readOne } : {}),
    idOf: (row) => row.id,
  })
  const rows = page?.items ?? []
  const { list, ...pointer } = useArrivals({
    show: showNewOrder,
    news,
    held: rows.some(({ id }) => id === open) || after !== undefined || before !== undefined,
  })
  const isFiltered = Object.values(filters).some(Boolean)

  return (
    <>
      <PageHead title="Broadcasts" />
      <div className="bar">
        <SegmentedControl
          aria-label="State"
          size="sm"
          className="states"
          value={filters.state ?? ''}
          data={STATES}
          onChange={(state) => url.patch({ state, row: null, ...FIRST_PAGE })}
        />
        <TextFilter url={url} name="user" label="User" placeholder="id" />
        <KindFilter url={url} />
        <UnitFilter url={url} />
        <DayFilter url={url} name="since" label="From" />
        <DayFilter url={url} name="until" label="To" />
        {isFiltered && (
          <Button
            size="sm"
            variant="subtle"
            color="gray"
            className="quiet"
            onClick={() => url.patch({ ...NO_FILTERS, row: null })}
          >
            Clear
          </Button>
        )}
        {showNewOrder && (
          <Button size="sm" variant="light" leftSection={<IconRefresh size={15} />} onClick={showNewOrder}>
            {news > 0 ? `${news} new: show` : 'The list has changed: show'}
          </Button>
        )}
      </div>
      <section className="card" aria-label="Broadcasts" ref={list} {...pointer}>
        {problem && <ProblemPanel title="The broadcasts could not be read" problem={problem} retry={retry} />}
        {!page && !problem && <SkeletonRows />}
        {rows.length > 0 && (
          <BroadcastsTable
            rows={rows}
            isOld={isOld}
            open={open}
            onOpen={(row) => url.patch({ row }, { replace: true })}
          />
        )}
        {page && rows.length === 0 && (
          <NoBroadcasts isFiltered={isFiltered} onClear={() => url.patch({ ...NO_FILTERS, row: null })} />
        )}
      </section>
      {rows.length > 0 && (
        <div className="foot">
          <Cursor
            summary={`${rows.length} ${rows.length === 1 ? 'broadcast' : 'broadcasts'}, newest first`}
            previous={page?.previous ?? null}
            next={page?.next ?? null}
            onGo={(to) => url.patch({ ...to, row: null })}
          />
        </div>
      )}
    </>
  )
}

/** Reads pages and single rows; a row that nothing will change any more is not read a second time. */
function useRowReader() {
  const settled = useRef(new Map<string, Broadcast>())
  return {
    readPage: log.page,
    readOne: async (id: string): Promise<Broadcast> => {
      const known = settled.current.get(id)
      if (known) return known
      const row = await log.one(id)
      if (row.settled) settled.current.set(id, row)
      return row
    },
  }
}

function filtersOf(url: UrlState) {
  const text = (name: string) => url.get(name) ?? undefined
  return {
    user: text('user'),
    unit: text('unit'),
    kind: text('kind'),
    state: text('state'),
    since: startOf(url.get('since'), 0),
    until: startOf(url.get('until'), 1),
  }
}

function KindFilter({ url }: { url: UrlState }) {
  return (
    <NativeSelect
      size="sm"
      aria-label="Kind"
      value={url.get('kind') ?? ''}
      data={[
        { value: '', label: 'Every kind' },
        ...KINDS.map((kind) => ({ value: kind, label: kindName(kind) })),
        { value: RESEND, label: 'Sent again' },
      ]}
      onChange={(event) => url.patch({ kind: event.currentTarget.value, row: null, ...FIRST_PAGE })}
    />
  )
}

function UnitFilter({ url }: { url: UrlState }) {
  const { units } = useUnits()
  const unit = url.get('unit')
  if (units.length < 2 && unit === null) return null
  return (
    <NativeSelect
      size="sm"
      aria-label="Unit"
      value={unit ?? ''}
      data={[{ value: '', label: 'Every unit' }, ...units.map(({ name }) => name)]}
      onChange={(event) => url.patch({ unit: event.currentTarget.value, row: null, ...FIRST_PAGE })}
    />
  )
}

function NoBroadcasts({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  const [, go] = useLocation()
  if (isFiltered) {
    return (
      <Empty
        icon={<IconSearch size={22} />}
        title="No broadcast matches"
        action={
          <Button variant="default" size="sm" onClick={onClear}>
            Show all broadcasts
          </Button>
        }
      >
        Loosen a filter. Users are compared exactly; broadcasts are kept for some days only.
      </Empty>
    )
  }
  return (
    <Empty
      icon={<IconBroadcast size={22} />}
      title="Nothing has been sent yet"
      action={
        <Button variant="default" size="sm" onClick={() => go('/users')}>
          Go to Users
        </Button>
      }
    >
      Change somebody’s credits: the row stands here at once, with every screen that shows it.
    </Empty>
  )
}
