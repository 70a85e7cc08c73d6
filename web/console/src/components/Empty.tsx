/** Nothing here: says why, and names the next step. */
import { Text } from '@mantine/core'
import type { ReactNode } from 'react'

interface Props {
  icon: ReactNode
  title: string
  children: ReactNode
  action?: ReactNode
}

export function Empty({ icon, title, children, action }: Props) {
  return (
    <div className="empty">
      <div className="empty-icon" aria-hidden>
        {icon}
      </div>
      <Text fw={600}>{title}</Text>
      <Text size="sm" c="dimmed" maw={420}>
        {children}
      </Text>
      {action}
    </div>
  )
}
