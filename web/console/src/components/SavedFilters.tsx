/** The operator's own filters of a screen: choose one, name the one that is set, drop one. */
import { ActionIcon, Button, Group, Popover, Stack, Text, TextInput } from '@mantine/core'
import { IconBookmark, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { announce } from '../announce'
import { filterIn, NAME_MOST, useSavedFilters } from '../saved-filters'
import { useSession } from '../session'

/** @param screen what the filters belong to, like `users` */
export default function SavedFilters({ screen }: { screen: string }) {
  const { operator } = useSession()
  const [params, setParams] = useSearchParams()
  const { filters, isFull, save, drop } = useSavedFilters(operator.id, screen)
  const [opened, setOpened] = useState(false)
  const [name, setName] = useState('')
  const now = filterIn(params.toString())
  const active = filters.find(({ query }) => query === now)
  const clean = name.trim()

  const keep = () => {
    if (clean === '' || now === '') return
    save({ name: clean, query: now })
    announce(`Filter ${clean} saved`)
    setName('')
    setOpened(false)
  }
  return (
    // As elsewhere: scrolling must not take away what was typed.
    <Popover
      opened={opened}
      onChange={setOpened}
      position="bottom-start"
      shadow="md"
      trapFocus
      returnFocus
      hideDetached={false}
    >
      <Popover.Target>
        <Button
          size="sm"
          variant="default"
          leftSection={<IconBookmark size={15} />}
          aria-label={active ? `Saved filters: ${active.name}` : 'Saved filters'}
          onClick={() => setOpened((before) => !before)}
        >
          {active ? active.name : 'Filters'}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs" w={250}>
          {filters.length === 0 && (
            <Text size="sm" c="dimmed">
              No filter is saved yet. Search or filter the list, then name it here.
            </Text>
          )}
          {filters.length > 0 && (
            <ul className="saved-filters">
              {filters.map((filter) => (
                <li key={filter.name}>
                  <button
                    type="button"
                    className="saved-filter"
                    aria-current={filter === active || undefined}
                    onClick={() => {
                      setParams(new URLSearchParams(filter.query))
                      setOpened(false)
                    }}
                  >
                    {filter.name}
                  </button>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    aria-label={`Delete the filter ${filter.name}`}
                    onClick={() => drop(filter.name)}
                  >
                    <IconTrash size={15} aria-hidden />
                  </ActionIcon>
                </li>
              ))}
            </ul>
          )}
          {now !== '' && !active && !isFull && (
            <form
              aria-label="Save this filter"
              onSubmit={(event) => {
                event.preventDefault()
                keep()
              }}
            >
              <Group gap="xs" align="flex-end" wrap="nowrap">
                <TextInput
                  label="Save this filter as"
                  size="sm"
                  autoComplete="off"
                  maxLength={NAME_MOST}
                  value={name}
                  onChange={(event) => setName(event.currentTarget.value)}
                />
                <Button type="submit" size="sm" disabled={clean === ''}>
                  Save
                </Button>
              </Group>
            </form>
          )}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}
