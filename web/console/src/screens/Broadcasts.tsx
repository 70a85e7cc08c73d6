/**
 * Broadcasts: every change on its way to the screens of its user, live, and who has seen it.
 *
 * New rows come in at the top only where they move nothing that somebody looks at; else a button offers them. Filters,
 * page and the open row stand in the address. What some screen has not painted yet stands out.
 */
import '../styles/broadcasts.css'
import { Button, NativeSelect } from '@mantine/core'
import { IconBroadcast, IconSearch } from '@tabler/icons-react'
import { useRef } from 'react'
import { useLocation } from 'wouter'
import { useArrivals } from '../broadcasts/arrivals'
import { BroadcastsTable } from '../broadcasts/BroadcastsTable'
import { type Broadcast, log, RESEND } from '../broadcasts/log'
import { Empty } from '../components/Empty'
import { KINDS, kindName } from '../components/EntryIcon'
import { ChoiceFilter, ClearFilters, DaysFilter, startOf, TextFilter, without } from '../components/Filters'
import { ListCard } from '../components/ListCard'
import { PageHead } from '../components/PageHead'
import { useList } from '../list'
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

const FILTERS = ['user', 'unit', 'kind', 'state', 'since', 'until']

export default function Broadcasts() {
  const url = useUrlState()
  const filters = filtersOf(url)
  const open = url.get('row')
  const { readPage, readOne } = useRowReader()
  const list = useList({
    name: 'broadcasts',
    follows: 'broadcasts',
    filters,
    size: PAGE,
    read: readPage,
    // Without this filter a row leaves the page because newer ones came, not because it changed.
    ...(filters.state ? { readOne } : {}),
    idOf: (row) => row.id,
  })
  const isFirstPage = url.get('after') === null && url.get('before') === null
  const { list: ref, ...pointer } = useArrivals({
    show: list.showNewOrder,
    news: list.news,
    held: !isFirstPage || (list.page?.items ?? []).some(({ id }) => id === open),
  })
  const isFiltered = Object.values(filters).some(Boolean)

  return (
    <>
      <PageHead title="Broadcasts" />
      <ListCard
        list={list}
        label="Broadcasts"
        noun="broadcast"
        newestFirst
        place={{ ref, ...pointer }}
        bar={
          <>
            <ChoiceFilter url={url} name="state" label="State" choices={STATES} usual="" />
            <TextFilter url={url} name="user" label="User" placeholder="id" />
            <KindFilter url={url} />
            <UnitFilter url={url} />
            <DaysFilter url={url} />
            <ClearFilters url={url} names={FILTERS} />
          </>
        }
        empty={<NoBroadcasts isFiltered={isFiltered} onClear={() => url.patch(without(FILTERS))} />}
      >
        {({ items }) => (
          <BroadcastsTable
            rows={items}
            isOld={list.isOld}
            open={open}
            onOpen={(row) => url.patch({ row }, { replace: true })}
          />
        )}
      </ListCard>
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
      onChange={(event) => url.patch({ kind: event.currentTarget.value, ...FIRST_PAGE })}
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
      onChange={(event) => url.patch({ unit: event.currentTarget.value, ...FIRST_PAGE })}
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
