/** A button that copies a text and says that it did. */
import { ActionIcon } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { announce } from '../announce'
import { useCopy } from '../clipboard'

export function Copy({ value, name }: { value: string; name: string }) {
  const { copied, copy } = useCopy(value)
  return (
    <ActionIcon
      size="sm"
      variant="subtle"
      color="gray"
      className="quiet"
      aria-label={copied ? `${name} copied` : `Copy ${name}`}
      onClick={() => {
        copy()
        announce(`${name} copied`)
      }}
    >
      {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
    </ActionIcon>
  )
}
