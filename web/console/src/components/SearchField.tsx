/**
 * Search as you type: the text is the field's own while somebody types; the address follows a moment later.
 */
import { TextInput } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'

const TYPING_MS = 150

interface Props {
  label: string
  placeholder: string
  value: string
  onSearch: (search: string) => void
}

export function SearchField({ label, placeholder, value, onSearch }: Props) {
  const [text, setText] = useState(value)
  const sent = useRef(value)
  const latest = useRef(onSearch)
  latest.current = onSearch
  useEffect(() => {
    // Somebody else changed the address (Back, "Show all users"): the field follows.
    if (value !== sent.current) setText(value)
    sent.current = value
  }, [value])
  useEffect(() => {
    if (text === sent.current) return
    const timer = setTimeout(() => {
      sent.current = text
      latest.current(text)
    }, TYPING_MS)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <TextInput
      type="search"
      className="search"
      data-search
      aria-label={label}
      aria-keyshortcuts="/"
      placeholder={placeholder}
      size="sm"
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={<kbd className="key">/</kbd>}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
    />
  )
}
