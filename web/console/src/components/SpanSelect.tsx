/** How long credits last: for ever, or one of the usual spans; an unusual one that is set already stays listed. */
import { Select } from '@mantine/core'
import { SPANS, spanText } from '../spans'
import { IN_PLACE } from './ReasonInput'

const FOR_EVER = 'ever'

interface Props {
  label: string
  value: number | null
  onChange: (seconds: number | null) => void
}

export function SpanSelect({ label, value, onChange }: Props) {
  const known = value === null || SPANS.some((span) => span.value === value)
  const spans = known ? SPANS : [...SPANS, { value: value ?? 0, label: spanText(value ?? 0) }]
  return (
    <Select
      label={label}
      allowDeselect={false}
      comboboxProps={IN_PLACE}
      data={[
        { value: FOR_EVER, label: 'For ever' },
        ...spans.map((span) => ({ value: String(span.value), label: span.label })),
      ]}
      value={value === null ? FOR_EVER : String(value)}
      onChange={(next) => onChange(next === null || next === FOR_EVER ? null : Number(next))}
    />
  )
}
