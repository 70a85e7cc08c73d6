/**
 * The host app's own orders page, written on the nine names of the credit context alone: `handleFulfillOrder` is the
 * one of the original design. Whoever ordered sees the credits before the answer arrives; the two calls after it are
 * kept, and harmless.
 *
 * The odd one: the nine names tell nothing of other people's orders, so the list is read again by hand.
 */

import { type CreditContextType, useCredits } from 'livecredits/react'
import { useCallback, useEffect, useRef, useState } from 'react'
import { api, type HostOrder } from './api'
import { STATES } from './ShopPage'
import { useSession } from './session'
import { useToast } from './toasts'

export function OrdersDesk() {
  const { refreshCredits, broadcastCreditUpdate }: CreditContextType = useCredits()
  const { user, users } = useSession()
  const [orders, setOrders] = useState<readonly HostOrder[] | null>(null)
  const toast = useToast()

  const fetchOrders = useCallback(async () => {
    const { data } = await api.getCreditOrders()
    if (data !== null) setOrders(data.items)
  }, [])
  useEffect(() => {
    fetchOrders()
  }, [fetchOrders])

  const handleFulfillOrder = async (orderId: string) => {
    try {
      const { error } = await api.fulfillCreditOrder(orderId, { fulfilled_by: user })

      if (error) throw new Error(error.detail || 'Failed to fulfill order')

      // Refresh orders and credits
      fetchOrders()
      await refreshCredits()

      // Find the order to get the user ID for broadcasting
      const order = orders?.find((o) => o.id === orderId)
      if (order) {
        // Broadcast credit update to all components
        broadcastCreditUpdate(order.user_id)
      }
      toast.success('Order fulfilled')
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'Failed to fulfill order')
      fetchOrders() // somebody else was first, or it was cancelled meanwhile
    }
  }

  return (
    <section className="list" aria-labelledby="desk-title">
      <h2 id="desk-title">Orders of all users</h2>
      {orders === null && <p className="quiet">Reading the orders…</p>}
      {orders?.length === 0 && <p className="quiet">Nobody has ordered anything yet.</p>}
      <ul className="rows">
        {orders?.map((order) => (
          <DeskRow
            key={order.id}
            order={order}
            name={users.find(({ id }) => id === order.user_id)?.name ?? order.user_id}
            onFulfill={handleFulfillOrder}
          />
        ))}
      </ul>
      <button type="button" className="secondary" onClick={fetchOrders}>
        Read the orders again
      </button>
    </section>
  )
}

interface DeskRowProps {
  readonly order: HostOrder
  /** Of whoever ordered. */
  readonly name: string
  readonly onFulfill: (orderId: string) => Promise<void>
}

function DeskRow({ order, name, onFulfill }: DeskRowProps) {
  const [saves, setSaves] = useState(false)
  const row = useRef<HTMLLIElement>(null)
  const state = STATES[order.status]
  const fulfill = async () => {
    setSaves(true)
    row.current?.focus() // the button goes, and would take the focus with it
    await onFulfill(order.id)
    setSaves(false)
  }
  return (
    <li
      className="card row"
      ref={row}
      tabIndex={-1}
      data-testid={`desk-${order.id}`}
      data-state={order.status}
    >
      <div className="row-what">
        <strong>
          <bdi>{name}</bdi>
        </strong>
        <span className="quiet">{order.package}</span>
      </div>
      <div className="row-state">
        <span className="state" data-state={order.status}>
          <span aria-hidden="true">{state.sign}</span> {state.name}
        </span>
      </div>
      {order.status === 'pending' && (
        <button type="button" className="secondary small" disabled={saves} onClick={fulfill}>
          Fulfil{' '}
          <span className="for-readers">
            the order of <bdi>{name}</bdi>
          </span>
        </button>
      )}
    </li>
  )
}
