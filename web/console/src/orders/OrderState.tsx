/** Where an order stands: icon and word, and whether the operator's own step is still on its way. */
import { IconArrowBackUp, IconCircleCheck, IconClock, IconLoader2, IconX } from '@tabler/icons-react'
import { useMark } from '../order-board'
import type { Order, OrderState } from '../shop'

export const STATES: { value: OrderState; label: string; icon: typeof IconClock }[] = [
  { value: 'pending', label: 'Pending', icon: IconClock },
  { value: 'fulfilled', label: 'Fulfilled', icon: IconCircleCheck },
  { value: 'cancelled', label: 'Cancelled', icon: IconX },
  { value: 'refunded', label: 'Refunded', icon: IconArrowBackUp },
]

/** The state to show: the one asked for while it is on its way. */
export function useOrderState(order: Order) {
  const mark = useMark(order.id)
  return { mark, state: mark && mark.phase !== 'refused' ? mark.state : order.state }
}

export function OrderStateChip({ order }: { order: Order }) {
  const { mark, state } = useOrderState(order)
  const look = STATES.find(({ value }) => value === state)
  const sending = mark?.phase === 'sending'
  const Icon = sending ? IconLoader2 : (look?.icon ?? IconClock)
  return (
    <span className="state-chip" data-state={state} data-phase={mark?.phase}>
      <Icon size={14} aria-hidden className={sending ? 'spin' : undefined} />
      {look?.label ?? state}
      {sending && <span className="visually-hidden">, sending</span>}
    </span>
  )
}
