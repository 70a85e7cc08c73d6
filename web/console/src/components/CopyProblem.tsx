/** Copies a problem as support needs it: sentence, code, status, request id, time. */
import { Button } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import type { Problem } from '../api'
import { useCopy } from '../clipboard'

export function problemText(problem: Problem): string {
  return [
    problem.detail ?? 'No answer from the server',
    `code: ${problem.code}`,
    `status: ${problem.status || 'none'}`,
    `request: ${problem.requestId ?? 'none'}`,
    `time: ${new Date().toISOString()}`,
  ].join('\n')
}

export function CopyProblem({ problem }: { problem: Problem }) {
  const { copied, copy } = useCopy(problemText(problem))
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      color="gray"
      className="quiet"
      onClick={copy}
      leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
    >
      {copied ? 'Copied' : problem.requestId ? `Copy ${problem.requestId}` : 'Copy details'}
    </Button>
  )
}
