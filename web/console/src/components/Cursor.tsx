/** Previous and next page of a list that pages by cursor, and how many there are. */
import { Button, Group, Text } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'

interface Props {
  /** "50 of 1,204 users" */
  summary: string
  previous: string | null
  next: string | null
  onGo: (page: { after: string | null; before: string | null }) => void
}

export function Cursor({ summary, previous, next, onGo }: Props) {
  const go: Props['onGo'] = (page) => {
    onGo(page)
    window.scrollTo(0, 0)
  }
  return (
    <nav className="cursor" aria-label="Pages">
      <Text size="sm" c="dimmed" className="numeral">
        {summary}
      </Text>
      {(previous || next) && (
        <Group gap="xs">
          <Button
            size="xs"
            variant="default"
            disabled={!previous}
            leftSection={<IconChevronLeft size={14} />}
            onClick={() => go({ before: previous, after: null })}
          >
            Previous
          </Button>
          <Button
            size="xs"
            variant="default"
            disabled={!next}
            rightSection={<IconChevronRight size={14} />}
            onClick={() => go({ after: next, before: null })}
          >
            Next
          </Button>
        </Group>
      )}
    </nav>
  )
}
