/** A screen's title and its actions; also sets the document's title. */
import { Title } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'

export function PageHead({ title, children }: { title: string; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · livecredits`
  }, [title])
  return (
    <div className="page-head">
      <Title order={1}>{title}</Title>
      <div className="page-actions">{children}</div>
    </div>
  )
}
