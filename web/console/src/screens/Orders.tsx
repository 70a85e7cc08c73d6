/**
 * Orders: the queue, live, and what an operator does with each of them.
 *
 * Rows stay where they are: an order that a colleague fulfils meanwhile stays and says so, a new one waits behind
 * a button. What the keys do stands in `orders/keys.ts`.
 */
import '../styles/shop.css'
import '../styles/orders.css'
import { Button } from '@mantine/core'
import { IconPackage, IconSearch } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { Empty } from '../components/Empty'
import { ChoiceFilter, OnlyUser, SearchFilter, without } from '../components/Filters'
import { ListCard } from '../components/ListCard'
import { PageHead } from '../components/PageHead'
import SavedFilters from '../components/SavedFilters'
import { Tabs } from '../components/Tabs'
import { useList } from '../list'
import { useOnline, useWatchedPage } from '../live'
import { useOrderActions } from '../orders/actions'
import { useQueueKeys } from '../orders/keys'
import { STATES } from '../orders/OrderState'
import { OrdersTable } from '../orders/OrdersTable'
import { useSession } from '../session'
import { shop } from '../shop'
import { useUrlState } from '../url'
import { ORDER_TABS } from './tabs'

const PAGE = 50
const CHOICES = [...STATES, { value: 'all', label: 'All' }]

export default function Orders() {
  const url = useUrlState()
  const { mayChange } = useSession()
  const online = useOnline()
  const actions = useOrderActions()
  const state = url.get('state') ?? 'pending'
  const search = url.get('q') ?? ''
  const user = url.get('user')
  const list = useList({
    name: 'orders',
    follows: 'orders',
    filters: { state: state === 'all' ? undefined : state, q: search || undefined, user: user ?? undefined },
    size: PAGE,
    read: shop.orders,
    readOne: shop.order,
    idOf: (order) => order.id,
  })
  const { page } = list
  useWatchedPage(useMemo(() => [...new Set(page?.items.map((order) => order.user_id))], [page]))
  useQueueKeys(page?.items ?? [], mayChange && online ? actions.fulfil : undefined)

  return (
    <>
      <PageHead title="Orders" />
      <Tabs label="Orders" tabs={ORDER_TABS} />
      <ListCard
        list={list}
        label="Orders"
        noun="order"
        newestFirst
        bar={
          <>
            <SearchFilter url={url} label="Search orders" placeholder="Order, user, reference, purchaser" />
            <ChoiceFilter url={url} name="state" label="State" choices={CHOICES} usual="pending" />
            <OnlyUser url={url} />
            <SavedFilters screen="orders" />
          </>
        }
        empty={
          <NoOrders
            state={state}
            search={search || user || ''}
            onClear={() => url.patch({ ...without(['q', 'user']), state: 'all' })}
          />
        }
      >
        {({ items }) => (
          <OrdersTable
            orders={items}
            isOld={list.isOld}
            actions={actions}
            open={url.get('order')}
            onOpen={(id) => url.patch({ order: id }, { replace: true })}
          />
        )}
      </ListCard>
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
