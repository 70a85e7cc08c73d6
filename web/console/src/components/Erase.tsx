/** Erases a person: what is known about them goes, what was booked stays. The user's id has to be typed. */
import { Button, Stack, TextInput } from '@mantine/core'
import { IconEraser } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { asProblem } from '../api'
import { isolated } from '../bidi'
import { useOnline } from '../live'
import { shop } from '../shop'
import { toastFailure, toastSuccess } from '../toasts'
import { ConfirmDialog } from './ConfirmDialog'
import { ReasonInput } from './ReasonInput'

const REASONS = ['The user asked', 'Account closed', 'Retention period over']

export default function Erase({ user }: { user: string }) {
  const client = useQueryClient()
  const online = useOnline()
  const [asking, setAsking] = useState(false)
  const [typed, setTyped] = useState('')
  const [reason, setReason] = useState('')
  const close = () => {
    setAsking(false)
    setTyped('')
  }
  const erase = async () => {
    close()
    try {
      await shop.erase(user, reason.trim())
      toastSuccess(
        'Personal data erased',
        `The personal data of ${isolated(user)} is erased; the entries stay`,
      )
    } catch (error) {
      toastFailure(asProblem(error), 'Failed to erase the personal data', isolated(user))
    } finally {
      void client.invalidateQueries()
    }
  }
  return (
    <>
      <Button
        size="compact-xs"
        variant="subtle"
        color="gray"
        className="quiet"
        disabled={!online}
        leftSection={<IconEraser size={13} />}
        onClick={() => setAsking(true)}
      >
        Erase personal data
      </Button>
      {asking && (
        <ConfirmDialog
          title={`Erase the personal data of ${isolated(user)}?`}
          confirm="Erase"
          ready={typed.trim() === user && reason.trim() !== ''}
          onConfirm={() => void erase()}
          onClose={close}
          fields={
            <Stack gap="sm">
              <ReasonInput label="Reason" value={reason} onChange={setReason} presets={REASONS} />
              <TextInput
                label={`Type ${isolated(user)} to confirm`}
                size="sm"
                autoComplete="off"
                value={typed}
                onChange={(event) => setTyped(event.currentTarget.value)}
              />
            </Stack>
          }
        >
          Name, email and metadata go, the billing details of their orders, and the addresses of their
          redemptions. Their open screens close. Entries and balances stay, under the id alone. This cannot be
          undone.
        </ConfirmDialog>
      )}
    </>
  )
}
