/**
 * The rows of the queue: who ordered what, for how much, where it stands, and one button to fulfil it.
 *
 * A row opens to the billing details and the rarer steps. `keys.ts` has what the keys do.
 */
import { Button } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { Fragment } from 'react'
import { useActorName } from '../actors'
import { isolated } from '../bidi'
import { Ago } from '../components/Ago'
import { Amount } from '../components/Amount'
import { useOnline } from '../live'
import { formatPrice } from '../money'
import { useSession } from '../session'
import type { Order } from '../shop'
import { useUnits } from '../units'
import type { OrderActions } from './actions'
import { useKeptFocus } from './keys'
import { OrderDetails } from './OrderDetails'
import { OrderStateChip, useOrderState } from './OrderState'

interface Props {
  orders: Order[]
  isOld: boolean
  actions: OrderActions
  open: string | null
  onOpen: (id: string | null) => void
}

export function OrdersTable({ orders, isOld, actions, open, onOpen }: Props) {
  const keptFocus = useKeptFocus()
  return (
    <table className="rows shop-rows orders" aria-busy={isOld} data-old={isOld || undefined} {...keptFocus}>
      <caption className="visually-hidden">
        Orders, newest first. Arrow keys, or j and k, move between rows, Enter opens one, f fulfils it.
      </caption>
      <thead>
        <tr>
          <th scope="col">User</th>
          <th scope="col">Package</th>
          <th scope="col" className="end">
            Price
          </th>
          <th scope="col">Ordered</th>
          <th scope="col">State</th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {orders.map((order) => {
          const isOpen = open === order.id
          return (
            <Fragment key={order.id}>
              <OrderLine
                order={order}
                actions={actions}
                isOpen={isOpen}
                onToggle={() => onOpen(isOpen ? null : order.id)}
              />
              {isOpen && <OrderDetails order={order} actions={actions} />}
            </Fragment>
          )
        })}
      </tbody>
    </table>
  )
}

interface LineProps {
  order: Order
  actions: OrderActions
  isOpen: boolean
  onToggle: () => void
}

function OrderLine({ order, actions, isOpen, onToggle }: LineProps) {
  const { scaleOf } = useUnits()
  const { state, mark } = useOrderState(order)
  const below = [order.billing?.organisation ?? order.billing?.purchaser, order.purchase_reference]
    .map((text) => isolated(text ?? ''))
    .filter(Boolean)
    .join(' · ')
  return (
    <tr data-order={order.id} data-state={state} data-phase={mark?.phase} data-open={isOpen || undefined}>
      <td className="cell-main">
        <button type="button" className="row-open" aria-expanded={isOpen} onClick={onToggle}>
          <IconChevronDown size={15} aria-hidden />
          <span className="user-names">
            <span className="visually-hidden">Order of</span> <bdi className="row-name">{order.user_id}</bdi>{' '}
            <span className="user-below">{below || order.id.slice(-8)}</span>
          </span>
        </button>
      </td>
      <td>
        <span className="user-names">
          <bdi className="two-lines">{order.package.name}</bdi>
          <span className="small moved">
            <Amount value={order.package.credits} scale={scaleOf(order.package.unit)} />{' '}
            <span className="dimmed">{order.package.unit}</span>
          </span>
        </span>
      </td>
      <td className="end numeral">{formatPrice(order.package.price_minor, order.package.currency)}</td>
      <td className="dimmed nowrap">
        <Ago at={order.created_at} />
      </td>
      <td>
        <span className="user-names">
          <OrderStateChip order={order} />
          <Since order={order} />
          {mark?.phase === 'refused' && <span className="small refused">{mark.detail ?? 'Not done'}</span>}
        </span>
      </td>
      <td className="cell-action">
        <Fulfil order={order} actions={actions} />
      </td>
    </tr>
  )
}

/** Who took the last step and when, below the state. */
function Since({ order }: { order: Order }) {
  const who = useActorName()
  const steps = {
    pending: undefined,
    fulfilled: { by: order.fulfilled_by, at: order.fulfilled_at },
    cancelled: { by: order.cancelled_by, at: order.cancelled_at },
    refunded: { by: null, at: order.refunded_at },
  }
  const step = steps[order.state]
  if (!step?.at) return null
  return (
    <span className="small dimmed">
      {step.by && `${who(step.by)}, `}
      <Ago at={step.at} />
    </span>
  )
}

function Fulfil({ order, actions }: { order: Order; actions: OrderActions }) {
  const { mayChange } = useSession()
  const online = useOnline()
  const { state, mark } = useOrderState(order)
  const sending = mark?.phase === 'sending'
  if (!mayChange || (state !== 'pending' && !(sending && mark.state === 'fulfilled'))) return null
  return (
    <Button
      size="xs"
      variant="light"
      // Not `disabled` while sending: that would take the focus away from whoever works by keyboard.
      disabled={!online}
      aria-disabled={sending || undefined}
      aria-keyshortcuts="f"
      rightSection={<span className="key on-button" data-key="f" aria-hidden />}
      onClick={() => void actions.fulfil(order)}
    >
      Fulfil{' '}
      <span className="visually-hidden">
        the order of <bdi>{order.user_id}</bdi>
      </span>
    </Button>
  )
}
