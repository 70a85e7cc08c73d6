/** How far a run is. */
import { Progress as Bar, Text } from '@mantine/core'
import { formatAmount } from '../amounts'

interface Props {
  label: string
  done: number
  of: number
  /** What is counted. */
  things?: string
}

export function RunBar({ label, done, of, things = 'rows' }: Props) {
  return (
    <div className="running">
      <Bar value={of > 0 ? (done / of) * 100 : 0} animated aria-label={label} />
      <Text size="sm" c="dimmed" mt={4} className="numeral">
        {label}: {formatAmount(done)} of {formatAmount(of)} {things}
      </Text>
    </div>
  )
}
