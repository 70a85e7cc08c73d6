/**
 * Why a change is made: usual reasons to pick, or any other text. The console always asks; the audit shows it.
 */
import { Autocomplete } from '@mantine/core'
import type { KeyboardEvent } from 'react'

export const REASONS = ['Goodwill', 'Correction', 'Refund', 'Promotion', 'Paid by invoice', 'Test']
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
  /** The usual reasons of this kind of change. */
  presets?: readonly string[]
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
  presets = REASONS,
  first = false,
}: Props) {
  // All presets stay listed when the text equals one of them, so that picking another takes no deleting.
  const typed = presets.includes(value) ? '' : value
  return (
    <Autocomplete
      {...(label ? { label } : { 'aria-label': 'Reason' })}
      data-autofocus={first || undefined}
      placeholder="Reason"
      size="sm"
      value={value}
      onChange={onChange}
      data={[...presets]}
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
