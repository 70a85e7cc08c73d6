/**
 * Why a change is made: usual reasons to pick, or any other text. The console always asks; the audit shows it.
 */
import { Autocomplete } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { KeyboardEvent } from 'react'
import { api } from '../api'

const REASONS = ['Goodwill', 'Correction', 'Refund', 'Promotion', 'Paid by invoice', 'Test']
const MAX_LENGTH = 200

/** In place, so that it stays within the page's landmarks; fixed, so that no table or card cuts it off. */
export const IN_PLACE = {
  shadow: 'md',
  withinPortal: false,
  floatingStrategy: 'fixed',
  transitionProps: { duration: 80 },
} as const

interface Props {
  value: string
  onChange: (reason: string) => void
  onKeyDown?: (event: KeyboardEvent) => void
  error?: string | undefined
  /** A label that stands above the field; without it the name is for assistive technology only. */
  label?: string
  disabled?: boolean
  /** The usual reasons of this kind of change; those of the settings by default. */
  presets?: readonly string[] | undefined
  /** Where a dialogue puts the focus when it opens. */
  first?: boolean
}

export function ReasonInput({
  value,
  onChange,
  onKeyDown,
  error,
  label,
  disabled = false,
  presets,
  first = false,
}: Props) {
  const offered = usePresets(presets)
  // All presets stay listed when the text equals one of them, so that picking another takes no deleting.
  const typed = offered.includes(value) ? '' : value
  return (
    <Autocomplete
      {...(label ? { label } : { 'aria-label': 'Reason' })}
      data-autofocus={first || undefined}
      placeholder="Reason"
      size="sm"
      value={value}
      onChange={onChange}
      data={[...offered]}
      filter={({ options }) =>
        options.filter((each) => 'label' in each && each.label.toLowerCase().includes(typed.toLowerCase()))
      }
      maxLength={MAX_LENGTH}
      error={error}
      disabled={disabled}
      // In a form with a label the list would cover the button below: it opens by a click, a key, and upwards.
      openOnFocus={label === undefined}
      required={label !== undefined}
      withAsterisk={false}
      comboboxProps={label ? { ...IN_PLACE, position: 'top' } : IN_PLACE}
      {...(onKeyDown ? { onKeyDown } : {})}
    />
  )
}

/** What operators have set; the usual ones until the answer is there. */
function usePresets(own: readonly string[] | undefined): readonly string[] {
  const { data } = useQuery({
    queryKey: ['reasons'],
    queryFn: ({ signal }) => api.reasonPresets(signal),
    staleTime: 5 * 60_000,
    enabled: own === undefined,
  })
  return own ?? data?.reason_presets ?? REASONS
}
