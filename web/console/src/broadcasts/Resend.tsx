/**
 * Sends a user's balance to all their screens again, after one question, and says who has shown it.
 *
 * Nothing is booked by it, so there is nothing to undo; the log keeps who asked. The question stays open with the
 * answer, or with what went wrong.
 */
import { Button, Group, Modal, Text } from '@mantine/core'
import { IconSend } from '@tabler/icons-react'
import { useState } from 'react'
import { announce } from '../announce'
import { isolated } from '../bidi'
import { ProblemPanel } from '../components/ProblemPanel'
import { useOnline } from '../live'
import { countsText } from '../receipts'
import { useTask } from '../task'
import { log, type Resent } from './log'
import { ScreenCounts } from './ScreenCounts'

export function Resend({ user }: { user: string }) {
  const online = useOnline()
  const [asks, setAsks] = useState(false)
  return (
    <>
      <Button
        size="xs"
        variant="default"
        disabled={!online}
        leftSection={<IconSend size={14} />}
        onClick={() => setAsks(true)}
      >
        Send again…
      </Button>
      {asks && <ResendDialog user={user} onClose={() => setAsks(false)} />}
    </>
  )
}

function ResendDialog({ user, onClose }: { user: string; onClose: () => void }) {
  const online = useOnline()
  const { busy, problem, run } = useTask()
  const [sent, setSent] = useState<Resent>()
  const send = async () => {
    await run(async () => {
      const answer = await log.resend(user)
      setSent(answer)
      announce(
        `Sent again to ${isolated(user)}: ${answer.receipts ? countsText(answer.receipts) : 'not counted'}`,
      )
    })
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={`Send again to ${isolated(user)}?`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Text size="sm" mb="md">
        Every open screen of this user is sent the present balance once more. No credits change; the log keeps
        that you asked.
      </Text>
      {problem && <ProblemPanel title="It was not sent again" problem={problem} />}
      {sent && (
        <div className="resent" data-testid="resent">
          <strong>Sent again</strong>
          <ScreenCounts counts={sent.receipts ?? null} />
        </div>
      )}
      <Group justify="flex-end" gap="sm" mt="md">
        <Button variant="default" onClick={onClose} data-autofocus>
          {sent ? 'Close' : 'Cancel'}
        </Button>
        {!sent && (
          <Button onClick={() => void send()} loading={busy} disabled={!online}>
            Send again
          </Button>
        )}
      </Group>
    </Modal>
  )
}
