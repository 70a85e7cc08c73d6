/** Takes a run back: a reversal for each entry it left. Where credits are spent meanwhile, by choice below the floor. */
import { Button, Stack, Switch } from '@mantine/core'
import { IconArrowBackUp } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { formatAmount } from '../amounts'
import { ConfirmDialog } from '../components/ConfirmDialog'
import { ReasonInput } from '../components/ReasonInput'
import { useOnline } from '../live'
import { toastFailure, toastSuccess } from '../toasts'
import { type Applied, undoRun } from './run'

interface Props {
  applied: Applied
  onUndone: (applied: Applied) => void
}

export function UndoButton({ applied, onUndone }: Props) {
  const client = useQueryClient()
  const online = useOnline()
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  const [reason, setReason] = useState('')
  const [belowFloor, setBelowFloor] = useState(false)
  const standing = (rows: Applied['results']) =>
    rows.filter(({ ok, reversed_by }) => ok && !reversed_by).length
  const left = standing(applied.results)

  const undo = async () => {
    setAsking(false)
    setBusy(true)
    const { problem, ...after } = await undoRun(applied, reason.trim(), belowFloor, () => {})
    setBusy(false)
    onUndone(after)
    const still = standing(after.results)
    if (problem) toastFailure(problem, 'Failed to undo the batch', 'What was undone stays undone')
    else if (still > 0) {
      toastSuccess(
        'Undone in part',
        `${formatAmount(left - still)} rows undone, ${formatAmount(still)} not: spent`,
      )
    } else toastSuccess('Undone', `${formatAmount(left)} rows undone`)
    void client.invalidateQueries()
  }

  if (left === 0) return <span className="outcome">All rows are undone.</span>
  return (
    <>
      <Button
        variant="default"
        disabled={!online}
        loading={busy}
        leftSection={<IconArrowBackUp size={16} />}
        onClick={() => setAsking(true)}
      >
        Undo {formatAmount(left)} {left === 1 ? 'row' : 'rows'}
      </Button>
      {asking && (
        <ConfirmDialog
          title={`Undo ${formatAmount(left)} rows?`}
          confirm="Undo"
          ready={reason.trim() !== ''}
          onConfirm={() => void undo()}
          onClose={() => setAsking(false)}
          fields={
            <Stack gap="sm">
              <ReasonInput
                label="Reason"
                value={reason}
                onChange={setReason}
                presets={['Wrong file', 'Applied twice', 'Correction', 'Test']}
              />
              <Switch
                label="Also where the credits are spent, below the floor"
                checked={belowFloor}
                onChange={(event) => setBelowFloor(event.currentTarget.checked)}
              />
            </Stack>
          }
        >
          A reversal is booked for each entry of this run. Balances return exactly; other changes stay.
        </ConfirmDialog>
      )}
    </>
  )
}
