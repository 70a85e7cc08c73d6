/** Takes a run back: a reversal for each entry it left. Where credits are spent meanwhile, by choice below the floor. */
import { Button, Stack, Switch } from '@mantine/core'
import { IconArrowBackUp } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { counted, formatAmount } from '../amounts'
import { ConfirmDialog } from '../components/ConfirmDialog'
import { ReasonInput } from '../components/ReasonInput'
import { useOnline } from '../live'
import type { BatchRowResult } from '../shop'
import { toastFailure, toastSuccess } from '../toasts'
import { type Undoable, undoAll } from './run'

interface Props {
  what: Undoable
  results: readonly BatchRowResult[]
  /** Reads the rows again. */
  onUndone: () => Promise<readonly BatchRowResult[]>
}

/** How many rows left an entry that still stands. A `set` to the same number moved nothing. */
export function standing(rows: readonly BatchRowResult[]): number {
  return rows.filter((row) => row.ok && !row.reversed_by && row.before !== row.after).length
}

export function UndoButton({ what, results, onUndone }: Props) {
  const client = useQueryClient()
  const online = useOnline()
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState<string>()
  const [reason, setReason] = useState('')
  const [belowFloor, setBelowFloor] = useState(false)
  const left = standing(results)

  const undo = async () => {
    setAsking(false)
    setBusy('Undoing')
    const { problem } = await undoAll(what, reason.trim(), belowFloor, (done, of) =>
      setBusy(of > 1 ? `Undoing: ${done} of ${of} parts` : 'Undoing'),
    )
    const still = standing(await onUndone())
    setBusy(undefined)
    if (problem) toastFailure(problem, 'Failed to undo the batch', 'What was undone stays undone')
    else if (still > 0) {
      toastSuccess(
        'Undone in part',
        `${formatAmount(left - still)} rows undone, ${formatAmount(still)} not: their credits are spent`,
      )
    } else toastSuccess('Undone', `${formatAmount(left)} rows undone`)
    void client.invalidateQueries()
  }

  if (left === 0) {
    const any = results.some(({ reversed_by }) => reversed_by)
    return <span className="outcome">{any ? 'All rows are undone.' : 'Nothing was changed.'}</span>
  }
  return (
    <>
      <Button
        variant="default"
        disabled={!online}
        loading={busy !== undefined}
        leftSection={<IconArrowBackUp size={16} />}
        onClick={() => setAsking(true)}
      >
        Undo {counted(left, 'row')}
      </Button>
      {busy && <span className="hint">{busy}</span>}
      {asking && (
        <ConfirmDialog
          title={`Undo ${counted(left, 'row')}?`}
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
