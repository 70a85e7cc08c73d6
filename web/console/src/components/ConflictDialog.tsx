/**
 * The balance moved while somebody typed a new one: both values, and the choice.
 *
 * "Apply anyway" sends the same value guarded by the version shown here, so a third change in between asks again.
 */
import { Button, Group, Modal, Text } from '@mantine/core'
import { IconArrowsExchange } from '@tabler/icons-react'
import { formatAmount } from '../amounts'
import type { Conflict } from '../changes'

interface Props {
  conflict: Conflict
  onApply: (conflict: Conflict) => void
  onReload: (conflict: Conflict) => void
}

export default function ConflictDialog({ conflict, onApply, onReload }: Props) {
  const { target, credits, now } = conflict
  return (
    <Modal
      opened
      onClose={() => onReload(conflict)}
      title={`${target.name}’s balance changed meanwhile`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Text size="sm" c="dimmed">
        Somebody else changed it after you began to edit. Nothing of yours has been applied yet.
      </Text>
      <dl className="conflict">
        <Value label="When you began" value={target.credits} version={target.version} scale={target.scale} />
        <Value label="Now" value={now.credits} version={now.version} scale={target.scale} strong />
        <Value label="You want" value={credits} scale={target.scale} />
      </dl>
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={() => onReload(conflict)} data-autofocus>
          Reload
        </Button>
        <Button leftSection={<IconArrowsExchange size={16} />} onClick={() => onApply(conflict)}>
          Apply anyway
        </Button>
      </Group>
    </Modal>
  )
}

interface ValueProps {
  label: string
  value: number
  scale: number
  version?: number
  strong?: boolean
}

function Value({ label, value, scale, version, strong = false }: ValueProps) {
  return (
    <div data-strong={strong || undefined}>
      <dt>{label}</dt>
      <dd className="numeral">
        {formatAmount(value, scale)}
        {version !== undefined && <span className="version">v{version}</span>}
      </dd>
    </div>
  )
}
