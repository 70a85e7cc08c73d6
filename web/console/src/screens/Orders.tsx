/**
 * Orders: the queue, live, and what an operator does with each of them.
 *
 * Rows stay where they are: an order that a colleague fulfils meanwhile stays and says so, a new one waits behind
 * a button. What the keys do stands in `orders/keys.ts`.
 */
import '../styles/shop.css'
import '../styles/orders.css'
import { Button, SegmentedControl } from '@mantine/core'
import { IconPackage, IconRefresh, IconSearch } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { Cursor } from '../components/Cursor'
import { Empty } from '../components/Empty'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import SavedFilters from '../components/SavedFilters'
import { SearchField } from '../components/SearchField'
import { SkeletonRows } from '../components/SkeletonRows'
import { Tabs } from '../components/Tabs'
import { useOnline, useWatchedPage } from '../live'
import { useOrderActions } from '../orders/actions'
import { useQueueKeys } from '../orders/keys'
import { STATES } from '../orders/OrderState'
import { OrdersTable } from '../orders/OrdersTable'
import { useSession } from '../session'
import { type Order, shop } from '../shop'
import { useSteadyPage } from '../steady'
import { FIRST_PAGE, useUrlState } from '../url'
import { ORDER_TABS } from './tabs'

const PAGE = 50

export default function Orders() {
  const url = useUrlState()
  const { mayChange } = useSession()
  const online = useOnline()
  const actions = useOrderActions()
  const state = url.get('state') ?? 'pending'
  const search = url.get('q') ?? ''
  const user = url.get('user')
  const query = {
    state: state === 'all' ? undefined : state,
    q: search || undefined,
    user: user ?? undefined,
    limit: PAGE,
    after: url.get('after') ?? undefined,
    before: url.get('before') ?? undefined,
  }
  const { page, isOld, problem, retry, showNewOrder, news } = useSteadyPage<
    Order,
    Awaited<ReturnType<typeof shop.orders>>
  >({
    name: 'orders',
    follows: 'orders',
    query,
    read: shop.orders,
    readOne: shop.order,
    idOf: (order) => order.id,
  })
  useWatchedPage(useMemo(() => [...new Set(page?.items.map((order) => order.user_id))], [page]))
  useQueueKeys(page?.items ?? [], mayChange && online ? actions.fulfil : undefined)

  return (
    <>
      <PageHead title="Orders" />
      <Tabs label="Orders" tabs={ORDER_TABS} />
      <div className="bar">
        <SearchField
          label="Search orders"
          placeholder="Order, user, reference, purchaser"
          value={search}
          onSearch={(q) => url.patch({ q, ...FIRST_PAGE }, { replace: true })}
        />
        <SegmentedControl
          aria-label="State"
          size="sm"
          className="states"
          value={state}
          data={[...STATES.map(({ value, label }) => ({ value, label })), { value: 'all', label: 'All' }]}
          onChange={(next) => url.patch({ state: next === 'pending' ? null : next, ...FIRST_PAGE })}
        />
        {user && (
          <Button
            size="sm"
            variant="subtle"
            color="gray"
            className="quiet"
            onClick={() => url.patch({ user: null, ...FIRST_PAGE })}
          >
            Only&nbsp;<bdi>{user}</bdi>
            <span className="visually-hidden">: show everybody’s</span>
            <span aria-hidden>&nbsp;×</span>
          </Button>
        )}
        <SavedFilters screen="orders" />
        {showNewOrder && (
          <Button size="sm" variant="light" leftSection={<IconRefresh size={15} />} onClick={showNewOrder}>
            {news > 0 ? `${news} new ${news === 1 ? 'order' : 'orders'}: show` : 'The list has changed: show'}
          </Button>
        )}
      </div>
      <section className="card" aria-label="Orders">
        {problem && <ProblemPanel title="The orders could not be read" problem={problem} retry={retry} />}
        {!page && !problem && <SkeletonRows />}
        {page && page.items.length > 0 && (
          <OrdersTable
            orders={page.items}
            isOld={isOld}
            actions={actions}
            open={url.get('order')}
            onOpen={(id) => url.patch({ order: id }, { replace: true })}
          />
        )}
        {page && page.items.length === 0 && (
          <NoOrders
            state={state}
            search={search || user || ''}
            onClear={() => url.patch({ q: null, user: null, state: 'all', ...FIRST_PAGE })}
          />
        )}
      </section>
      {page && page.items.length > 0 && (
        <div className="foot">
          <Cursor
            summary={`${page.items.length} ${page.items.length === 1 ? 'order' : 'orders'}, newest first`}
            previous={page.previous}
            next={page.next}
            onGo={url.patch}
          />
        </div>
      )}
    </>
  )
}

interface NoOrdersProps {
  state: string
  search: string
  onClear: () => void
}

function NoOrders({ state, search, onClear }: NoOrdersProps) {
  const [, go] = useLocation()
  if (search) {
    return (
      <Empty
        icon={<IconSearch size={22} />}
        title={`No ${state === 'all' ? '' : `${state} `}order matches “${search}”`}
        action={
          <Button variant="default" size="sm" onClick={onClear}>
            Show all orders
          </Button>
        }
      >
        The search looks at order ids, users, purchase references and billing details.
      </Empty>
    )
  }
  if (state === 'pending') {
    return (
      <Empty
        icon={<IconPackage size={22} />}
        title="No order waits"
        action={
          <Button variant="default" size="sm" onClick={() => go('/orders/packages')}>
            See the packages
          </Button>
        }
      >
        An order stands here the moment a user places it. Users order active packages.
      </Empty>
    )
  }
  return (
    <Empty
      icon={<IconPackage size={22} />}
      title={state === 'all' ? 'No orders yet' : `No ${state} orders`}
      action={
        state !== 'all' && (
          <Button variant="default" size="sm" onClick={onClear}>
            Show all orders
          </Button>
        )
      }
    >
      {state === 'all'
        ? 'Make a package that users can order; their orders stand here at once.'
        : 'Orders come here when somebody takes that step with them.'}
    </Empty>
  )
}
