/**
 * An app as it was written for the original credit context: its users page, its orders page, a list of
 * vouchers and its credit display, with nothing imported but the nine names. It must compile and
 * work unchanged; that is the promise to everybody who has such an app.
 *
 * The odd one: `api` and `toast` are parameters only so that a test can stand in for both. The
 * components are the original's own code.
 */
import { useCallback, useEffect, useState } from 'react'
import { type CreditContextType, useCredits } from '../src/react.js'

export interface User {
  readonly id: string
  readonly credits: number
}

export interface Api {
  updateUserCredits(userId: string, credits: number): Promise<{ error?: { detail?: string } }>
}

export interface CreditOrder {
  readonly id: string
  readonly user_id: string
  readonly status: string
}

export interface OrdersApi {
  getCreditOrders(): Promise<{ data: readonly CreditOrder[] }>
  fulfillCreditOrder(
    orderId: string,
    body: { fulfilled_by: string },
  ): Promise<{ error?: { detail?: string } }>
}

export interface Toast {
  success(text: string): void
  error(text: string): void
}

const useOriginalContext = (): CreditContextType => useCredits()

export function UsersPage({ initial, api, toast }: { initial: readonly User[]; api: Api; toast: Toast }) {
  const [users, setUsers] = useState(initial)
  const { refreshCurrentUserCredits, broadcastCreditUpdate } = useOriginalContext()

  const setCredits = (userId: string, credits: number) =>
    setUsers((prev) => prev.map((user) => (user.id === userId ? { ...user, credits } : user)))

  const handleCreditsChange = async (userId: string, newCredits: number) => {
    const before = users.find((user) => user.id === userId)?.credits ?? 0
    setCredits(userId, newCredits)
    try {
      const { error } = await api.updateUserCredits(userId, newCredits)

      if (error) throw new Error(error.detail || 'Failed to update user credits')

      // Refresh credits for the updated user
      await refreshCurrentUserCredits()

      // Broadcast the credit update to all components
      broadcastCreditUpdate(userId)

      toast.success('User credits updated successfully')
    } catch (error) {
      setCredits(userId, before)
      toast.error((error as Error).message)
    }
  }

  return (
    <ul>
      {users.map((user) => (
        <li key={user.id}>
          <output aria-label={`credits of ${user.id}`}>{user.credits}</output>
          <button type="button" onClick={() => handleCreditsChange(user.id, 200)}>
            set {user.id} to 200
          </button>
        </li>
      ))}
    </ul>
  )
}

export function CreditDisplay() {
  const { credits, loading, registerCreditUpdateCallback } = useOriginalContext()

  useEffect(() => {
    // Register callback to listen for credit updates from admin actions
    const unregister = registerCreditUpdateCallback((userId) => {
      console.log(`💳 CreditDisplay: Received credit update for user ${userId}`)
      // The credits will be automatically refreshed by the CreditContext
    })

    return unregister
  }, [registerCreditUpdateCallback])

  return <output aria-label="my credits">{loading ? '…' : credits}</output>
}

/** The admin panel's queue. `fulfillCreditOrder` is the host's own API, as it was. */
export function OrdersPage({ api, toast, user }: { api: OrdersApi; toast: Toast; user?: { id: string } }) {
  const [orders, setOrders] = useState<readonly CreditOrder[]>([])
  const { refreshCredits, broadcastCreditUpdate } = useOriginalContext()

  const fetchOrders = useCallback(async () => {
    const { data } = await api.getCreditOrders()
    setOrders(data)
  }, [api])

  useEffect(() => {
    fetchOrders()
  }, [fetchOrders])

  const handleFulfillOrder = async (orderId: string) => {
    try {
      const { error } = await api.fulfillCreditOrder(orderId, {
        fulfilled_by: user?.id || '',
      })

      if (error) throw new Error(error.detail || 'Failed to fulfill order')

      // Refresh orders and credits
      fetchOrders()
      await refreshCredits()

      // Find the order to get the user ID for broadcasting
      const order = orders.find((o) => o.id === orderId)
      if (order) {
        // Broadcast credit update to all components
        broadcastCreditUpdate(order.user_id)
      }
    } catch (error) {
      toast.error((error as Error).message)
    }
  }

  return (
    <ul>
      {orders.map((order) => (
        <li key={order.id}>
          {order.id} {order.status}
          <button type="button" onClick={() => handleFulfillOrder(order.id)}>
            fulfil {order.id}
          </button>
        </li>
      ))}
    </ul>
  )
}

/** A list of vouchers that the host reads by itself, whenever the context says that they moved. */
export function VoucherList({ getVouchers }: { getVouchers: () => Promise<readonly string[]> }) {
  const [vouchers, setVouchers] = useState<readonly string[]>([])
  const { registerVoucherRefresh, refreshVouchers } = useOriginalContext()

  useEffect(() => {
    const fetchVouchers = async () => setVouchers(await getVouchers())
    fetchVouchers()
    const unregister = registerVoucherRefresh(fetchVouchers)

    return unregister
  }, [registerVoucherRefresh, getVouchers])

  return (
    <>
      <output aria-label="vouchers">{vouchers.join(' ')}</output>
      <button type="button" onClick={refreshVouchers}>
        refresh vouchers
      </button>
    </>
  )
}
