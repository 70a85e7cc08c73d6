/** Asks once before something that cannot be taken back. */
import { Button, Group, Modal, Text } from '@mantine/core'
import type { ReactNode } from 'react'

interface Props {
  title: string
  confirm: string
  children: ReactNode
  onConfirm: () => void
  onClose: () => void
  /** False while something that has to be typed first is missing. */
  ready?: boolean
  /** What has to be typed or chosen first. */
  fields?: ReactNode
}

export function ConfirmDialog({ title, confirm, children, onConfirm, onClose, ready = true, fields }: Props) {
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': 'Close' }}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (ready) onConfirm()
        }}
      >
        <Text size="sm" mb="md">
          {children}
        </Text>
        {fields}
        <Group justify="flex-end" gap="sm" mt="md">
          <Button variant="default" onClick={onClose} data-autofocus={fields === undefined || undefined}>
            Keep
          </Button>
          <Button type="submit" color="red.8" disabled={!ready}>
            {confirm}
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
