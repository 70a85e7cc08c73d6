/**
 * An error in the place of what could not be shown: it stays, says what to do, and can be copied.
 */
import { Button, Group, Text } from '@mantine/core'
import { IconAlertTriangle, IconRefresh } from '@tabler/icons-react'
import type { Problem } from '../api'
import { CopyProblem } from './CopyProblem'

interface Props {
  title: string
  problem: Problem
  retry?: () => void
}

export function ProblemPanel({ title, problem, retry }: Props) {
  return (
    <section className="problem" aria-label={title}>
      <IconAlertTriangle size={20} aria-hidden className="problem-icon" />
      <div>
        <Text fw={600}>{title}</Text>
        <Text size="sm">
          {problem.detail ?? 'The server did not answer. Check that it runs and can be reached.'}
        </Text>
        <Group gap="xs" mt="xs">
          {retry && (
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconRefresh size={14} />}
              onClick={retry}
            >
              Try again
            </Button>
          )}
          <CopyProblem problem={problem} />
        </Group>
      </div>
    </section>
  )
}
