/** A titled part of a page. */
import { Title } from '@mantine/core'
import { type ReactNode, useId } from 'react'

interface Props {
  title: string
  /** How many, in words or figures, beside the title. */
  count?: ReactNode
  action?: ReactNode
  children: ReactNode
}

export function Card({ title, count, action, children }: Props) {
  const id = useId()
  return (
    <section className="card" aria-labelledby={id}>
      <header className="card-head">
        <Title order={2} id={id}>
          {title}
        </Title>
        {count !== undefined && <span className="card-count numeral">{count}</span>}
        <span className="card-action">{action}</span>
      </header>
      {children}
    </section>
  )
}
