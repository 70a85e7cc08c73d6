/**
 * Users: find somebody, see the live balance, change it in place.
 *
 * What is searched, sorted, filtered and which page it is stands in the address. The first screen after
 * signing in.
 */
import { Button, NativeSelect, SegmentedControl } from '@mantine/core'
import { IconSearch, IconUserPlus, IconUsers } from '@tabler/icons-react'
import { lazy, Suspense, useMemo } from 'react'
import { counted, formatAmount } from '../amounts'
import { isolated } from '../bidi'
import { Empty } from '../components/Empty'
import { ChoiceFilter, SearchFilter, without } from '../components/Filters'
import { ListCard } from '../components/ListCard'
import { PageHead } from '../components/PageHead'
import { SkeletonRows } from '../components/SkeletonRows'
import { useOnline, useWatchedPage } from '../live'
import { asQuery, type Filter, selectedCount, useSelection } from '../selection'
import { useSession } from '../session'
import { chosenUnit, useUnits } from '../units'
import { FIRST_PAGE, useUrlState } from '../url'
import { UsersTable } from './UsersTable'
import { useUsersPage } from './users-page'

const NewUser = lazy(() => import('../components/NewUser'))
const SavedFilters = lazy(() => import('../components/SavedFilters'))
const BulkBar = lazy(() => import('./BulkBar'))

const SHOWN = [
  { value: 'all', label: 'All' },
  { value: 'low', label: 'Low' },
  { value: 'frozen', label: 'Frozen' },
]
const SIZES = ['25', '50', '100', '200']

export default function Users() {
  const url = useUrlState()
  const { operator, mayChange, mayAdminister } = useSession()
  const online = useOnline()
  const { units, scaleOf } = useUnits()
  const unit = chosenUnit(units, url.get('unit'))
  const sort = url.get('sort') ?? 'user_id'
  const shown = url.get('show') ?? 'all'
  const search = url.get('q') ?? ''
  const size = url.get('size') ?? '50'
  // In the address, so that the palette leads to it.
  const adding = mayAdminister && url.get('new') !== null
  const setAdding = (on: boolean) => url.patch({ new: on ? 'yes' : null }, { replace: true })

  const filter: Filter = {
    q: search || undefined,
    unit,
    frozen: shown === 'frozen' || undefined,
    low: shown === 'low' || undefined,
  }
  const selection = useSelection(operator.id, filter)
  const list = useUsersPage({ ...asQuery(filter), sort }, Number(size))
  const { page } = list
  useWatchedPage(useMemo(() => page?.items.map((row) => row.user_id) ?? [], [page]))
  const filtered = search !== '' || shown !== 'all'

  return (
    <>
      <PageHead title="Users">
        {units.length > 1 && (
          <SegmentedControl
            aria-label="Unit"
            size="sm"
            value={unit}
            data={units.map(({ name }) => name)}
            onChange={(name) => url.patch({ unit: name, ...FIRST_PAGE })}
          />
        )}
        {mayAdminister && (
          <Button
            variant="default"
            size="sm"
            disabled={!online}
            leftSection={<IconUserPlus size={16} />}
            onClick={() => setAdding(true)}
          >
            Add user
          </Button>
        )}
      </PageHead>
      <ListCard
        list={list}
        label="Users"
        noun="user"
        skeleton={<SkeletonRows circles />}
        summary={page && summary(page.items.length, page.total)}
        bar={
          <>
            <SearchFilter url={url} label="Search users" placeholder="Search by id, name or email" />
            <ChoiceFilter url={url} name="show" label="Show" choices={SHOWN} usual="all" />
            <Suspense>
              <SavedFilters screen="users" />
            </Suspense>
          </>
        }
        empty={
          <NoUsers
            filtered={filtered}
            search={search}
            shown={shown}
            onClear={() => url.patch(without(['q', 'show']))}
            onAdd={mayAdminister ? () => setAdding(true) : undefined}
          />
        }
        foot={
          <NativeSelect
            aria-label="Rows per page"
            size="xs"
            w={110}
            value={size}
            data={SIZES.map((value) => ({ value, label: `${value} rows` }))}
            onChange={({ currentTarget: { value } }) =>
              url.patch({ size: value === '50' ? null : value, ...FIRST_PAGE })
            }
          />
        }
      >
        {({ items }) => (
          <UsersTable
            rows={items}
            scale={scaleOf(unit)}
            editable={mayChange}
            selection={mayAdminister ? selection : undefined}
            sort={sort}
            onSort={(next) => url.patch({ sort: next === 'user_id' ? null : next, ...FIRST_PAGE })}
            isOld={list.isOld}
          />
        )}
      </ListCard>
      <Suspense>
        {adding && <NewUser onClose={() => setAdding(false)} />}
        {page && mayAdminister && selectedCount(selection) > 0 && (
          <BulkBar selection={selection} filter={filter} total={page.total} scale={scaleOf(unit)} />
        )}
      </Suspense>
    </>
  )
}

function summary(count: number, total: number): string {
  return count === total ? counted(total, 'user') : `${formatAmount(count)} of ${formatAmount(total)} users`
}

interface NoUsersProps {
  filtered: boolean
  search: string
  shown: string
  onClear: () => void
  onAdd: (() => void) | undefined
}

function NoUsers({ filtered, search, shown, onClear, onAdd }: NoUsersProps) {
  if (filtered) {
    return (
      <Empty
        icon={<IconSearch size={22} />}
        title={search ? `Nobody matches “${isolated(search)}”` : `No ${shown} users`}
        action={
          <Button variant="default" size="sm" onClick={onClear}>
            Show all users
          </Button>
        }
      >
        {shown === 'low' && !search
          ? 'Nobody is below their threshold. A threshold is set per unit, or on a user’s profile.'
          : 'The search looks at ids, names and email addresses.'}
      </Empty>
    )
  }
  return (
    <Empty
      icon={<IconUsers size={22} />}
      title="No users yet"
      action={
        onAdd && (
          <Button size="sm" leftSection={<IconUserPlus size={16} />} onClick={onAdd}>
            Add the first user
          </Button>
        )
      }
    >
      A user appears here with the first grant or the first screen token that your backend asks for.
    </Empty>
  )
}
