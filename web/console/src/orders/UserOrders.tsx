/** A user's orders on their page: the newest few, each fulfilled from here as well. */
import '../styles/shop.css'
import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { Link } from 'wouter'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { useFollow, useOnline } from '../live'
import { formatPrice } from '../money'
import { useSession } from '../session'
import { type Order, shop } from '../shop'
import { useOrderActions } from './actions'
import { OrderStateChip, useOrderState } from './OrderState'

const SHOWN = 5

export default function UserOrders({ user }: { user: string }) {
  const read = useQuery({
    queryKey: ['user-orders', user],
    queryFn: ({ signal }) => shop.orders({ user, limit: SHOWN }, signal),
  })
  const { refetch } = read
  useFollow(
    'orders',
    useCallback(() => void refetch(), [refetch]),
  )
  const problem = read.error ? asProblem(read.error) : undefined
  const orders = read.data?.items ?? []
  const all = `/orders?state=all&user=${encodeURIComponent(user)}`
  return (
    <Card
      title="Orders"
      action={
        orders.length > 0 && (
          <Link href={all} className="row-link small">
            All orders
          </Link>
        )
      }
    >
      {problem && (
        <ProblemPanel title="The orders could not be read" problem={problem} retry={() => void refetch()} />
      )}
      {read.data && orders.length === 0 && <p className="nothing">This user has ordered nothing yet.</p>}
      <ul className="items">
        {orders.map((order) => (
          <OrderItem key={order.id} order={order} />
        ))}
      </ul>
    </Card>
  )
}

function OrderItem({ order }: { order: Order }) {
  const { mayChange } = useSession()
  const online = useOnline()
  const { fulfil } = useOrderActions()
  const { state, mark } = useOrderState(order)
  return (
    <li className="item">
      <div className="item-what">
        <Link
          href={`/orders?state=all&user=${encodeURIComponent(order.user_id)}&order=${order.id}`}
          className="row-link"
        >
          <bdi>{order.package.name}</bdi>
        </Link>
        <span className="dimmed">
          {formatPrice(order.package.price_minor, order.package.currency)} · <Ago at={order.created_at} />
        </span>
        {mark?.phase === 'refused' && <span className="small refused">{mark.detail ?? 'Not done'}</span>}
      </div>
      <OrderStateChip order={order} />
      {mayChange && state === 'pending' && (
        <Button size="compact-xs" variant="light" disabled={!online} onClick={() => void fulfil(order)}>
          Fulfil <span className="visually-hidden">{order.package.name}</span>
        </Button>
      )}
    </li>
  )
}
