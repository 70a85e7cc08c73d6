/** Makes a single voucher, or changes amount and expiry of one that nobody has redeemed. */
import { Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { parseAmount, typedAmount } from '../amounts'
import { ProblemPanel } from '../components/ProblemPanel'
import { IN_PLACE } from '../components/ReasonInput'
import { useOnline } from '../live'
import { useReason } from '../reasons'
import { shop, type Voucher } from '../shop'
import { useTask } from '../task'
import { toLocalInput } from '../time'
import { toastSuccess } from '../toasts'
import { useUnits } from '../units'

interface Props {
  found: Voucher | undefined
  /** Called before the list is read again. */
  onSaved: () => void
  onClose: () => void
}

export default function VoucherForm({ found, onSaved, onClose }: Props) {
  const title = found ? `Edit ${found.code}` : 'New voucher'
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Form found={found} onSaved={onSaved} onClose={onClose} />
    </Modal>
  )
}

function Form({ found, onSaved, onClose }: Props) {
  const client = useQueryClient()
  const online = useOnline()
  const why = useReason()
  const title = found ? `Edit ${found.code}` : 'New voucher'
  const { units, scaleOf } = useUnits()
  const [unit, setUnit] = useState(found?.unit ?? units[0]?.name ?? 'credits')
  const [text, setText] = useState(found ? typedAmount(found.amount, scaleOf(found.unit)) : '')
  const [user, setUser] = useState('')
  const [code, setCode] = useState('')
  const opened = found?.expires_at ? toLocalInput(found.expires_at) : ''
  const [expires, setExpires] = useState(opened)
  const [tried, setTried] = useState(false)
  const { busy, problem, run } = useTask()
  const amount = parseAmount(text, scaleOf(unit))
  const wrong = !amount.ok ? amount.message : amount.value <= 0 ? 'More than 0' : undefined

  const save = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!amount.ok || wrong) return
    const reason = await why(found ? title : 'Why this voucher?')
    if (reason === null) return
    const end = { expires_at: expires ? new Date(expires).toISOString() : null }
    // The field shows minutes: sent back untouched, it would end the voucher some seconds earlier.
    const terms = { amount: amount.value, reason, ...(expires === opened && found ? {} : end) }
    await run(async () => {
      const saved = found
        ? await shop.putVoucher(found.voucher, terms)
        : await shop.addVoucher({
            ...terms,
            unit,
            ...(user.trim() ? { user_id: user.trim() } : {}),
            ...(code.trim() ? { code: code.trim() } : {}),
          })
      onSaved()
      void client.invalidateQueries({ queryKey: ['vouchers'] })
      toastSuccess(found ? 'Voucher saved' : 'Voucher made', `Voucher ${saved.code} is ready`)
      onClose()
    })
  }

  return (
    <form onSubmit={save} noValidate>
      <Stack gap="sm">
        <div className="fields">
          <TextInput
            label="Amount"
            data-autofocus
            autoComplete="off"
            inputMode="decimal"
            classNames={{ input: 'numeral' }}
            value={text}
            error={tried && wrong}
            // What is typed replaces the amount: a digit behind the old one would be ten times as much.
            onFocus={(event) => event.currentTarget.select()}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          {!found && units.length > 1 && (
            <Select
              label="Unit"
              allowDeselect={false}
              comboboxProps={IN_PLACE}
              data={units.map((each) => each.name)}
              value={unit}
              onChange={(value) => value && setUnit(value)}
            />
          )}
        </div>
        {!found && (
          <>
            <TextInput
              label="For user"
              description="By id; empty: whoever has the code"
              autoComplete="off"
              maxLength={128}
              value={user}
              onChange={(event) => setUser(event.currentTarget.value)}
            />
            <TextInput
              label="Code"
              description="4–15 letters and digits; empty: one is generated"
              autoComplete="off"
              maxLength={24}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value.toUpperCase())}
            />
          </>
        )}
        <TextInput
          type="datetime-local"
          label="Redeemable until"
          description="Empty: without end"
          value={expires}
          onChange={(event) => setExpires(event.currentTarget.value)}
        />
        {problem && <ProblemPanel title="The voucher was not saved" problem={problem} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={!online}>
            {found ? 'Save' : 'Make voucher'}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
