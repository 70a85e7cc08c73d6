/**
 * The shop: packages, an order form, and the own orders with their states, live. Uses the public SDK alone:
 * `usePackages`, `useOrders`, and `order` and `cancelOrder` of `useCredits`, which keep their keys by themselves.
 *
 * Promise: a press that was repeated, or an answer that was lost, is one order; what was typed stays until the order
 * is made; what is ordered is what stands on the screen, also when it changes under an open form. Nothing is paid here:
 * a team member fulfils an order, and its credits arrive by themselves.
 */
import type { ChangeProblem, Order, OrderState, Package, ShopList } from 'livecredits'
import { useCredits, useOrders, usePackages } from 'livecredits/react'
import { type Ref, useEffect, useRef, useState } from 'react'
import { amountText, momentText, priceText, spanText } from './amounts'
import { OrderForm } from './OrderForm'
import { useToast } from './toasts'

export function ShopPage() {
  const packages = usePackages()
  const [chosenId, setChosenId] = useState<string | null>(null)
  const chosen = packages.items.find(({ id }) => id === chosenId) ?? null
  const toast = useToast()
  const orders = useRef<HTMLHeadingElement>(null)
  // The form goes and would take the focus with it; whoever works by keyboard goes on where the order will stand.
  const close = () => {
    orders.current?.focus()
    setChosenId(null)
  }
  const isGone = chosenId !== null && chosen === null && !packages.loading
  useEffect(() => {
    if (!isGone) return
    setChosenId(null)
    toast.error('This package is no longer on sale.')
  }, [isGone, toast])
  return (
    <section className="page" aria-labelledby="shop-title">
      <h1 id="shop-title">Shop</h1>
      <Packages list={packages} chosen={chosen} onChoose={({ id }) => setChosenId(id)} />
      {chosen !== null && (
        <OrderForm key={chosen.id} pack={chosen} onChanged={packages.refresh} onDone={close} />
      )}
      <Orders title={orders} />
    </section>
  )
}

interface PackagesProps {
  readonly list: ShopList<Package>
  readonly chosen: Package | null
  readonly onChoose: (pack: Package) => void
}

function Packages({ list, chosen, onChoose }: PackagesProps) {
  const { items, loading, error, refresh } = list
  if (loading) return <p className="quiet">Reading the packages…</p>
  if (error !== null && items.length === 0) return <Failed error={error} onRetry={refresh} />
  if (items.length === 0) return <p className="quiet">There is nothing to order at the moment.</p>
  return (
    <ul className="packages" aria-label="Packages">
      {items.map((pack) => (
        <PackageCard key={pack.id} pack={pack} isChosen={pack.id === chosen?.id} onChoose={onChoose} />
      ))}
    </ul>
  )
}

interface PackageCardProps {
  readonly pack: Package
  readonly isChosen: boolean
  readonly onChoose: (pack: Package) => void
}

function PackageCard({ pack, isChosen, onChoose }: PackageCardProps) {
  const { scale } = useCredits({ unit: pack.unit })
  return (
    <li className="card package" data-testid={`package-${pack.name}`}>
      <h2>{pack.name}</h2>
      <p className="number big">
        {amountText(pack.credits, scale)} <span className="unit-name">{pack.unit}</span>
      </p>
      {pack.description && <p className="quiet">{pack.description}</p>}
      <p className="quiet">
        {pack.validity_s === null ? 'Without expiry' : `Good for ${spanText(pack.validity_s)}`}
      </p>
      <button type="button" className="primary" aria-pressed={isChosen} onClick={() => onChoose(pack)}>
        Order for {priceText(pack.price_minor, pack.currency)}
        <span className="for-readers">: {pack.name}</span>
      </button>
    </li>
  )
}

function Orders({ title }: { title: Ref<HTMLHeadingElement> }) {
  const { items, loading, error, loadMore, refresh } = useOrders()
  useNews(items)
  return (
    <section className="list" aria-labelledby="orders-title">
      <h2 id="orders-title" ref={title} tabIndex={-1}>
        My orders
      </h2>
      {loading && <p className="quiet">Reading your orders…</p>}
      {error !== null && <Failed error={error} onRetry={refresh} />}
      {!loading && error === null && items.length === 0 && (
        <p className="quiet">No orders yet. Choose a package above.</p>
      )}
      <ul className="rows">
        {items.map((order) => (
          <OrderRow key={order.id} order={order} />
        ))}
      </ul>
      {loadMore !== null && (
        <button type="button" className="secondary" onClick={loadMore}>
          Older orders
        </button>
      )}
    </section>
  )
}

export const STATES: Record<OrderState, { name: string; sign: string }> = {
  pending: { name: 'Waiting', sign: '…' },
  fulfilled: { name: 'Credited', sign: '✓' },
  cancelled: { name: 'Cancelled', sign: '×' },
  refunded: { name: 'Refunded', sign: '↩' },
}

function OrderRow({ order }: { order: Order }) {
  const row = useRef<HTMLLIElement>(null)
  const { name, sign } = STATES[order.state]
  const { scale } = useCredits({ unit: order.package.unit })
  const at = order.refunded_at ?? order.cancelled_at ?? order.fulfilled_at ?? order.created_at
  return (
    <li className="card row" ref={row} tabIndex={-1} data-testid="order-row" data-state={order.state}>
      <div className="row-what">
        <strong>{order.package.name}</strong>
        <span className="quiet">
          {amountText(order.package.credits, scale)} {order.package.unit} ·{' '}
          {priceText(order.package.price_minor, order.package.currency)}
          {order.purchase_reference !== null && ` · ${order.purchase_reference}`}
        </span>
        {order.cancel_reason !== null && <span className="quiet">{order.cancel_reason}</span>}
      </div>
      <div className="row-state">
        <span className="state" data-state={order.state}>
          <span aria-hidden="true">{sign}</span> {name}
        </span>
        <time className="quiet" dateTime={at}>
          {momentText(at)}
        </time>
      </div>
      {order.state === 'pending' && <CancelButton order={order} onPress={() => row.current?.focus()} />}
    </li>
  )
}

interface CancelButtonProps {
  readonly order: Order
  /** The button goes with the order's state; the focus has to stay somewhere. */
  readonly onPress: () => void
}

function CancelButton({ order, onPress }: CancelButtonProps) {
  const { cancelOrder } = useCredits()
  const [asks, setAsks] = useState(false)
  const toast = useToast()
  const cancel = async () => {
    setAsks(true)
    onPress()
    try {
      await cancelOrder(order.id)
      toast.success('Order cancelled')
    } catch (problem) {
      toast.error((problem as ChangeProblem).message)
    } finally {
      setAsks(false)
    }
  }
  return (
    <button type="button" className="secondary small" disabled={asks} onClick={cancel}>
      Cancel <span className="for-readers">the order of {order.package.name}</span>
    </button>
  )
}

export function Failed({ error, onRetry }: { error: ChangeProblem; onRetry: () => void }) {
  return (
    <p role="alert" className="failed">
      {error.detail}{' '}
      <button type="button" className="secondary small" onClick={onRetry}>
        Try again
      </button>
    </p>
  )
}

/** Says when an order that stood here has moved on; what was there from the start is no news. */
function useNews(orders: readonly Order[]): void {
  const known = useRef(new Map<string, OrderState>())
  const { announce } = useToast()
  useEffect(() => {
    for (const { id, state, package: pack } of orders) {
      const before = known.current.get(id)
      known.current.set(id, state)
      if (before !== undefined && before !== state) announce(`Order of ${pack.name}: ${STATES[state].name}`)
    }
  }, [orders, announce])
}
