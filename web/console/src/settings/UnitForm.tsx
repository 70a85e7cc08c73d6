/**
 * Makes a unit or changes it. The decimal places of a unit that has accounts cannot be changed: 1234 would be
 * another amount; the server refuses it and says so.
 */
import { Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { formatAmount, parseAmount } from '../amounts'
import type { Unit } from '../api'
import { ProblemPanel } from '../components/ProblemPanel'
import { IN_PLACE } from '../components/ReasonInput'
import { installation } from '../installation'
import { useOnline } from '../live'
import { useTask } from '../task'
import { toastSuccess } from '../toasts'
import { useUnits } from '../units'

const NAME = /^[a-z][a-z0-9_]{0,31}$/
const SCALES = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']

interface Props {
  found: Unit | undefined
  onClose: () => void
}

export default function UnitForm({ found, onClose }: Props) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={found ? `Edit ${found.name}` : 'New unit'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Form found={found} onClose={onClose} />
    </Modal>
  )
}

function Form({ found, onClose }: Props) {
  const client = useQueryClient()
  const online = useOnline()
  const { units } = useUnits()
  const [name, setName] = useState(found?.name ?? '')
  const [scale, setScale] = useState(found?.scale ?? 0)
  const [low, setLow] = useState(
    typeof found?.low_threshold === 'number' ? formatAmount(found.low_threshold, found.scale) : '',
  )
  const [tried, setTried] = useState(false)
  const { busy, problem, run } = useTask()
  const threshold = low.trim() === '' ? { ok: true as const, value: null } : parseAmount(low, scale)
  const taken = !found && units.some((unit) => unit.name === name)
  const nameError = NAME.test(name)
    ? taken && 'There is such a unit already'
    : 'Lower-case letters, digits and _, at most 32, a letter first'

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (nameError || !threshold.ok) return
    await run(async () => {
      await installation.putUnit(name, { scale, low_threshold: threshold.value })
      await client.invalidateQueries({ queryKey: ['units'] })
      toastSuccess(found ? 'Unit saved' : 'Unit made', `${name}: ${found ? 'saved' : 'made'}`)
      onClose()
    })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {!found && (
          <TextInput
            label="Name"
            description="As your code calls it; it cannot be changed"
            data-autofocus
            autoComplete="off"
            maxLength={32}
            value={name}
            error={tried && nameError}
            onChange={(event) => setName(event.currentTarget.value)}
          />
        )}
        <div className="fields">
          <Select
            label="Decimal places"
            allowDeselect={false}
            comboboxProps={IN_PLACE}
            data={SCALES}
            value={String(scale)}
            onChange={(value) => value !== null && setScale(Number(value))}
          />
          <TextInput
            label="Low at or below"
            placeholder="never"
            inputMode="decimal"
            autoComplete="off"
            classNames={{ input: 'numeral' }}
            value={low}
            error={tried && !threshold.ok && threshold.message}
            onChange={(event) => setLow(event.currentTarget.value)}
          />
        </div>
        <p className="hint">
          Amounts are whole numbers of the smallest part: 1234 reads {formatAmount(1234, scale)} here. A
          user’s own threshold goes before the unit’s.
        </p>
        {problem && <ProblemPanel title="The unit was not saved" problem={problem} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={!online}>
            {found ? 'Save' : 'Make unit'}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
