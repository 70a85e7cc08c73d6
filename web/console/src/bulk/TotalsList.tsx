/** What a run comes to: rows, refusals, and by unit what is added, taken and left. */
import { formatAmount, formatSigned } from '../amounts'
import type { BatchRowResult } from '../shop'
import { useUnits } from '../units'
import { totalsOf } from './plan'

interface Props {
  results: readonly BatchRowResult[]
  unreadable: number
  isPreview: boolean
}

export function TotalsList({ results, unreadable, isPreview }: Props) {
  const { scaleOf } = useUnits()
  const ok = results.filter((result) => result.ok)
  const users = new Set(ok.map(({ user_id }) => user_id)).size
  const figures: [string, string, string?][] = [
    [isPreview ? 'Rows that fit' : 'Rows applied', formatAmount(ok.length)],
    ['Errors', formatAmount(results.length - ok.length + unreadable), 'bad'],
    ['Users', formatAmount(users)],
    ...totalsOf(results).flatMap(({ unit, added, taken, net }): [string, string, string?][] => [
      [`Added ${unit}`, formatSigned(added, scaleOf(unit))],
      [`Taken ${unit}`, formatSigned(-taken, scaleOf(unit))],
      [`Total ${unit}`, formatSigned(net, scaleOf(unit)), 'strong'],
    ]),
  ]
  return (
    <dl className="figures big totals">
      {figures.map(([label, value, tone]) => (
        <div key={label} data-tone={tone === 'bad' && value === '0' ? undefined : tone}>
          <dt>{label}</dt>
          <dd className="numeral">{value}</dd>
        </div>
      ))}
    </dl>
  )
}
