/** Asks why, before a step that the installation wants a reason for. */
import { Button, Group, Modal, Stack } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Question } from '../reasons'
import { ReasonInput } from './ReasonInput'

export default function ReasonDialog({ question }: { question: Question }) {
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    // A form below this one in the tree would take the event for its own.
    event.stopPropagation()
    setTried(true)
    if (reason.trim() !== '') question.answer(reason.trim())
  }
  return (
    <Modal
      opened
      onClose={() => question.answer(null)}
      title={question.title}
      closeButtonProps={{ 'aria-label': 'Close' }}
      classNames={{ content: 'opens-over' }}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          <ReasonInput
            label="Reason"
            first
            value={reason}
            onChange={setReason}
            error={tried && reason.trim() === '' ? 'A reason is needed here' : undefined}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={() => question.answer(null)}>
              Cancel
            </Button>
            <Button type="submit">Go on</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
