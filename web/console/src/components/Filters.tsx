/**
 * Filters of a list that stand in its address: a search, one of a few states, a text that is compared exactly, a user,
 * a day of the reader's calendar. Each asks a new question, so the list begins at its first page.
 *
 * A search follows the typing. A text is applied by Enter or on leaving the field, not with each letter: half an id matches nothing.
 */
import { Button, SegmentedControl, TextInput } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { FIRST_PAGE, type Patch, type UrlState } from '../url'
import { SearchField } from './SearchField'

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

/** The days from which and up to which; the last one belongs to them. */
export function DaysFilter({ url }: { url: UrlState }) {
  return (
    <div className="filter-days">
      <Day url={url} name="since" label="From" />
      <Day url={url} name="until" label="To" />
    </div>
  )
}

function Day({ url, name, label }: FilterProps) {
  return (
    <TextInput
      type="date"
      size="sm"
      aria-label={label}
      leftSection={<span className="filter-label">{label}</span>}
      leftSectionWidth={48}
      value={url.get(name) ?? ''}
      onChange={(event) => url.patch({ [name]: event.currentTarget.value, ...FIRST_PAGE })}
    />
  )
}

interface SearchProps {
  url: UrlState
  label: string
  placeholder: string
}

export function SearchFilter({ url, label, placeholder }: SearchProps) {
  return (
    <SearchField
      label={label}
      placeholder={placeholder}
      value={url.get('q') ?? ''}
      onSearch={(q) => url.patch({ q, ...FIRST_PAGE }, { replace: true })}
    />
  )
}

interface ChoiceProps {
  url: UrlState
  name: string
  label: string
  choices: readonly { value: string; label: string }[]
  /** What holds while the address says nothing. */
  usual: string
}

export function ChoiceFilter({ url, name, label, choices, usual }: ChoiceProps) {
  return (
    <SegmentedControl
      aria-label={label}
      size="sm"
      className="states"
      value={url.get(name) ?? usual}
      data={choices.map(({ value, label }) => ({ value, label }))}
      onChange={(next) => url.patch({ [name]: next === usual ? null : next, ...FIRST_PAGE })}
    />
  )
}

/** The one user whose rows are shown, and the way back to everybody's; nothing where all are. */
export function OnlyUser({ url }: { url: UrlState }) {
  const user = url.get('user')
  if (user === null) return null
  return (
    <Button
      size="sm"
      variant="subtle"
      color="gray"
      className="quiet"
      onClick={() => url.patch({ user: null, ...FIRST_PAGE })}
    >
      Only&nbsp;<bdi>{user}</bdi>
      <span className="visually-hidden">: show everybody’s</span>
      <span aria-hidden>&nbsp;×</span>
    </Button>
  )
}

/** Takes these filters out of the address; nothing where none is set. */
export function ClearFilters({ url, names }: { url: UrlState; names: readonly string[] }) {
  if (names.every((name) => url.get(name) === null)) return null
  return (
    <Button
      size="sm"
      variant="subtle"
      color="gray"
      className="quiet"
      onClick={() => url.patch(without(names))}
    >
      Clear
    </Button>
  )
}

/** What to change in an address so that these filters are gone. */
export function without(names: readonly string[]): Patch {
  return { ...Object.fromEntries(names.map((name) => [name, null])), ...FIRST_PAGE }
}
