/** What belongs to one order: whom to bill, what was bought, what happened, and the steps that are possible. */
import { Button, Group } from '@mantine/core'
import { IconArrowBackUp, IconX } from '@tabler/icons-react'
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import { Link } from 'wouter'
import { useActorName } from '../actors'
import { formatAmount } from '../amounts'
import { isolated } from '../bidi'
import { Copy } from '../components/Copy'
import { ReasonPopover } from '../components/ReasonPopover'
import { valuesOf } from '../components/Values'
import { useOnline, useWatchedCredits } from '../live'
import { formatPrice } from '../money'
import { useSession } from '../session'
import type { Order } from '../shop'
import { spanText } from '../spans'
import { fullTime } from '../time'
import { useUnits } from '../units'
import type { OrderActions } from './actions'
import { focusUnlessElsewhere } from './keys'
import { useOrderState } from './OrderState'

const RefundDialog = lazy(() => import('./RefundDialog'))

const CANCEL_REASONS = ['Not paid', 'Ordered twice', 'The user asked', 'Test']

export function OrderDetails({ order, actions }: { order: Order; actions: OrderActions }) {
  const { scaleOf } = useUnits()
  const { package: bought, billing } = order
  const scale = scaleOf(bought.unit)
  const live = useWatchedCredits(order.user_id, { unit: bought.unit })
  return (
    <tr className="order-details" data-order={order.id} data-state={order.state}>
      <td colSpan={6}>
        <div className="details">
          <Facts
            title="Billing"
            note={!billing && !order.purchase_reference && 'No billing details were given.'}
          >
            <Fact label="Organisation">{billing?.organisation && <bdi>{billing.organisation}</bdi>}</Fact>
            <Fact label="Purchaser">{billing?.purchaser && <bdi>{billing.purchaser}</bdi>}</Fact>
            <Fact label="Email">{billing?.email}</Fact>
            <Fact label="Address">
              {billing?.address && <span className="pre-line">{billing.address}</span>}
            </Fact>
            <Fact label="Reference">{order.purchase_reference && <bdi>{order.purchase_reference}</bdi>}</Fact>
          </Facts>
          <Facts title="Order">
            <Fact label="Order">
              <code>{order.id}</code> <Copy value={order.id} name="Order id" />
            </Fact>
            <Fact label="User">
              <Link href={`/users/${encodeURIComponent(order.user_id)}`} className="row-link">
                <bdi>{order.user_id}</bdi>
              </Link>
              {live && <span className="dimmed numeral"> has {formatAmount(live.available, scale)} now</span>}
            </Fact>
            <Fact label="Credits">
              <span className="numeral">
                {formatAmount(bought.credits, scale)} {bought.unit}
              </span>
            </Fact>
            <Fact label="Price">{formatPrice(bought.price_minor, bought.currency)}</Fact>
            <Fact label="Credits last">
              {bought.validity_s === null ? 'for ever' : spanText(bought.validity_s)}
            </Fact>
            {Object.entries(valuesOf(order.metadata)).map(([name, value]) => (
              <Fact key={name} label={name}>
                {value}
              </Fact>
            ))}
          </Facts>
          <Story order={order} />
        </div>
        <Steps order={order} actions={actions} />
      </td>
    </tr>
  )
}

function Facts({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <div>
      <h2 className="details-title">{title}</h2>
      <dl className="facts-list">{children}</dl>
      {note && <p className="hint">{note}</p>}
    </div>
  )
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  if (!children) return null
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** What happened to the order, step by step. */
function Story({ order }: { order: Order }) {
  const who = useActorName()
  const when = (at: string | null, by: string | null) =>
    at && (
      <>
        {fullTime(at)}
        {by && <span className="dimmed"> · {who(by)}</span>}
      </>
    )
  // The actor is who did it; whom the caller named is a claim, and told where it is somebody else.
  const claimed = order.claimed_by && !order.fulfilled_by?.endsWith(`:${order.claimed_by}`)
  return (
    <Facts title="What happened">
      <Fact label="Ordered">{when(order.created_at, null)}</Fact>
      <Fact label="Fulfilled">{when(order.fulfilled_at, order.fulfilled_by)}</Fact>
      <Fact label="On behalf of">{claimed && order.claimed_by}</Fact>
      <Fact label="Note">{order.note}</Fact>
      <Fact label="Cancelled">{when(order.cancelled_at, order.cancelled_by)}</Fact>
      <Fact label="Reason">{order.cancel_reason}</Fact>
      <Fact label="Refunded">{when(order.refunded_at, order.refunded_by)}</Fact>
      <Fact label="Refund reason">{order.refund_reason && <bdi>{order.refund_reason}</bdi>}</Fact>
      <Fact label="Entry">{order.entry && <code>{order.entry}</code>}</Fact>
    </Facts>
  )
}

function Steps({ order, actions }: { order: Order; actions: OrderActions }) {
  const { mayChange, mayAdminister } = useSession()
  const { state } = useOrderState(order)
  const online = useOnline()
  const [refunding, setRefunding] = useState(false)
  // The dialogue takes the focus with it, and the button that opened it may be gone by then.
  useEffect(() => (refunding ? () => focusUnlessElsewhere(order.id) : undefined), [refunding, order.id])
  // The dialogue stays while its own refund is on its way: the answer may be a question.
  const isPossible = state === 'pending' || (state === 'fulfilled' && mayAdminister) || refunding
  if (!mayChange || !isPossible) return null
  return (
    <Group gap="xs" className="steps">
      {state === 'pending' && (
        <>
          <Button size="xs" disabled={!online} onClick={() => void actions.fulfil(order)}>
            Fulfil
          </Button>
          <ReasonPopover
            label="Cancel order"
            name={`Cancel order of ${isolated(order.user_id)}`}
            icon={<IconX size={13} />}
            confirm="Cancel order"
            presets={CANCEL_REASONS}
            onConfirm={(reason) => void actions.cancel(order, reason)}
          >
            <span className="hint">The user sees the reason. No credits have moved yet.</span>
          </ReasonPopover>
        </>
      )}
      {state === 'fulfilled' && mayAdminister && (
        <Button
          size="xs"
          variant="default"
          disabled={!online}
          leftSection={<IconArrowBackUp size={14} />}
          onClick={() => setRefunding(true)}
        >
          Refund
        </Button>
      )}
      <Suspense>
        {refunding && <RefundDialog order={order} actions={actions} onClose={() => setRefunding(false)} />}
      </Suspense>
    </Group>
  )
}
