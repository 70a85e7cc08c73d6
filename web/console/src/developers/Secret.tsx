/** Something that is shown once: whole, selectable by one click, with a button that copies it. */
import { Button, CopyButton } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { announce } from '../announce'

export function Secret({ value, name }: { value: string; name: string }) {
  return (
    <div className="secret">
      <textarea
        className="secret-text"
        aria-label={name}
        readOnly
        rows={value.length > 60 ? 4 : 2}
        value={value}
        onFocus={(event) => event.currentTarget.select()}
      />
      <CopyButton value={value}>
        {({ copied, copy }) => (
          <Button
            variant="light"
            leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            onClick={() => {
              copy()
              announce(`${name} copied`)
            }}
          >
            {copied ? 'Copied' : `Copy ${name.toLowerCase()}`}
          </Button>
        )}
      </CopyButton>
    </div>
  )
}
