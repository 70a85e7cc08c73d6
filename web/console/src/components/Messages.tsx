/** The toasts, inside a landmark of their own instead of at the end of the page. */
import { Notifications } from '@mantine/notifications'
import { useState } from 'react'

export default function Messages() {
  const [place, setPlace] = useState<HTMLElement | null>(null)
  return (
    <section ref={setPlace} aria-label="Messages">
      {place && (
        <Notifications
          position="bottom-right"
          limit={10}
          containerWidth={400}
          portalProps={{ target: place }}
        />
      )}
    </section>
  )
}
