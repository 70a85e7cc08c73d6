/**
 * A link that signs an operator in, once, within a quarter of an hour. The code stands in the fragment, which
 * browsers send to no server; the link is made when it is asked for, since every making is another code.
 */
import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { basePath } from '../base'
import { ProblemPanel } from '../components/ProblemPanel'
import { Secret } from '../developers/Secret'
import { installation, type OperatorRow } from '../installation'
import { useOnline } from '../live'
import { useTask } from '../task'
import { clockTime } from '../time'

interface Props {
  operator: OperatorRow
  onClose: () => void
}

export default function LinkDialog({ operator, onClose }: Props) {
  const online = useOnline()
  const [made, setMade] = useState<{ link: string; ends: string }>()
  const { busy, problem, run } = useTask()

  const make = async () => {
    await run(async () => {
      const { code, expires_at } = await installation.linkOperator(operator.id)
      setMade({ link: `${location.origin}${basePath()}/#code=${code}`, ends: expires_at })
    })
  }

  return (
    <Modal
      opened
      onClose={onClose}
      title={`Sign-in link for ${operator.name}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Stack gap="md">
        <Text size="sm">
          It signs {operator.name} in once, within a quarter of an hour. Whoever has it is {operator.name}:
          send it where only they read.
        </Text>
        {made && (
          <>
            <Secret value={made.link} name="Link" />
            <p className="hint">Good until {clockTime(made.ends)}.</p>
          </>
        )}
        {problem && <ProblemPanel title="No link was made" problem={problem} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
          {!made && (
            <Button loading={busy} disabled={!online} onClick={() => void make()}>
              Make the link
            </Button>
          )}
        </Group>
      </Stack>
    </Modal>
  )
}
