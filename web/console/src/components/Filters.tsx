/**
 * Filters of a list that stand in its address: a text that is compared exactly, and a day of the reader's calendar.
 *
 * A text is applied by Enter or on leaving the field, not with each letter: half an id matches nothing.
 */
import { TextInput } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { FIRST_PAGE, type UrlState } from '../url'

/** A day of the reader's own calendar as a moment; `days` later for the end of a span. */
export function startOf(day: string | null, days: number): string | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? '')
  if (!match) return undefined
  return new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]) + days).toISOString()
}

interface FilterProps {
  url: UrlState
  name: string
  label: string
  placeholder?: string
}

export function TextFilter({ url, name, label, placeholder = '' }: FilterProps) {
  const value = url.get(name) ?? ''
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (field.current) field.current.value = value
  }, [value])
  const apply = () => {
    const text = field.current?.value.trim() ?? ''
    if (text !== value) url.patch({ [name]: text, ...FIRST_PAGE })
  }
  return (
    <TextInput
      ref={field}
      size="sm"
      className="filter"
      aria-label={label}
      placeholder={`${label}: ${placeholder}`}
      defaultValue={value}
      onBlur={apply}
      onKeyDown={(event) => event.key === 'Enter' && apply()}
    />
  )
}

export function DayFilter({ url, name, label }: FilterProps) {
  return (
    <TextInput
      type="date"
      size="sm"
      className="filter-day"
      aria-label={label}
      leftSection={<span className="filter-label">{label}</span>}
      leftSectionWidth={52}
      value={url.get(name) ?? ''}
      onChange={(event) => url.patch({ [name]: event.currentTarget.value, ...FIRST_PAGE })}
    />
  )
}
