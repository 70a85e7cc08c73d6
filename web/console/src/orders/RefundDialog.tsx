/**
 * Takes back what an order granted. Where part of it is spent the server says how much is left, and the operator
 * chooses: exactly what is left, or all of it below the floor.
 */
import { Button, Group, Modal, Radio, Stack, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { formatAmount } from '../amounts'
import { isolated } from '../bidi'
import { ReasonInput } from '../components/ReasonInput'
import { useOnline } from '../live'
import type { Order, Spent } from '../shop'
import { useUnits } from '../units'
import type { OrderActions } from './actions'

interface Props {
  order: Order
  actions: OrderActions
  onClose: () => void
}

export default function RefundDialog({ order, actions, onClose }: Props) {
  const { scaleOf } = useUnits()
  const online = useOnline()
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const [busy, setBusy] = useState(false)
  const [left, setLeft] = useState<number>()
  const [choice, setChoice] = useState<Spent>()
  const amount = (credits: number) => formatAmount(credits, scaleOf(order.package.unit))
  const all = order.package.credits

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (reason.trim() === '' || (left !== undefined && choice === undefined)) return
    setBusy(true)
    const problem = await actions.refund(order, reason.trim(), choice ?? 'refuse')
    setBusy(false)
    if (!problem) return onClose()
    const rest = Number(problem.document['left'] ?? 0)
    setLeft(rest)
    setChoice(rest > 0 ? 'left' : undefined)
    setTried(false)
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={`Refund the order of ${isolated(order.user_id)}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
      classNames={{ content: 'opens-over' }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="sm">
            Takes back the {amount(all)} {order.package.unit} of <bdi>{order.package.name}</bdi>. Money is
            returned where it was paid, not here.
          </Text>
          {left !== undefined && (
            <Radio.Group
              label={`Part of it is spent: ${amount(left)} of ${amount(all)} are left`}
              value={choice ?? ''}
              onChange={(value) => setChoice(value as Spent)}
              error={tried && choice === undefined ? 'Choose one' : undefined}
            >
              <Stack gap={6} mt={6}>
                <Radio
                  value="left"
                  disabled={left === 0}
                  label={`Take back exactly what is left: ${amount(left)}`}
                />
                <Radio
                  value="below_floor"
                  label={`Take back all ${amount(all)}, below the floor if need be`}
                />
              </Stack>
            </Radio.Group>
          )}
          <ReasonInput
            label="Reason"
            value={reason}
            onChange={setReason}
            error={tried && reason.trim() === '' ? 'A reason is needed' : undefined}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Keep the order
            </Button>
            <Button type="submit" color="red.8" disabled={!online} loading={busy}>
              Refund
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
