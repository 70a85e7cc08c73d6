/**
 * A small action that asks for its reason before it is done: reverse an entry, capture or release a hold.
 */
import { Button, Popover, Stack } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { useOnline } from '../live'
import { ReasonInput } from './ReasonInput'

interface Props {
  /** What stands on the button. */
  label: string
  /** The whole name of the action, since many rows have the same button. */
  name: string
  icon?: ReactNode
  /** What the last button says. */
  confirm: string
  /** What will happen, and fields of the action's own. */
  children: ReactNode
  /** False while a field of the action's own is wrong. */
  valid?: boolean
  /** The usual reasons, where they differ from those of a change of credits. */
  presets?: readonly string[] | undefined
  onConfirm: (reason: string) => void
}

export function ReasonPopover({
  label,
  name,
  icon,
  confirm,
  children,
  valid = true,
  presets,
  onConfirm,
}: Props) {
  const online = useOnline()
  const [opened, setOpened] = useState(false)
  const [reason, setReason] = useState('')
  const [tried, setTried] = useState(false)

  const submit = () => {
    setTried(true)
    if (reason.trim() === '' || !valid) return
    setOpened(false)
    setTried(false)
    setReason('')
    onConfirm(reason.trim())
  }
  return (
    // Scrolling must not take away what was typed, so the form stays when its button leaves the view.
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-end"
      shadow="md"
      trapFocus
      returnFocus
      hideDetached={false}
    >
      <Popover.Target>
        <Button
          size="compact-xs"
          {...(icon ? { variant: 'subtle', color: 'gray', className: 'quiet' } : { variant: 'default' })}
          disabled={!online}
          leftSection={icon}
          aria-label={name}
          onClick={() => setOpened((before) => !before)}
        >
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            submit()
          }}
        >
          <Stack gap="xs" w={240}>
            {children}
            <ReasonInput
              label="Reason"
              presets={presets}
              value={reason}
              onChange={setReason}
              error={tried && reason.trim() === '' ? 'A reason is needed' : undefined}
            />
            <Button type="submit" size="xs" disabled={!online}>
              {confirm}
            </Button>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  )
}
