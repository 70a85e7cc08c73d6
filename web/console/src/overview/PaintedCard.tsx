/**
 * How soon changes are seen: from the commit until a screen has painted them, against the chosen objective.
 *
 * The times are an upper bound (they end when the receipt arrives), and the card says so.
 */
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react'
import { Link } from 'wouter'
import { Card } from '../components/Card'
import type { Painted } from '../installation'
import { milliseconds, share } from './figures'

const count = new Intl.NumberFormat()

export function PaintedCard({ painted }: { painted: Painted }) {
  const rows: [string, number | null][] = [
    ['p50', painted.p50_ms],
    ['p95', painted.p95_ms],
    ['p99', painted.p99_ms],
  ]
  return (
    <Card title="Commit to painted">
      <div className="card-body">
        {painted.count === 0 ? (
          <p className="nothing-here">
            No receipts yet. They come as soon as a change reaches an open, visible screen.
          </p>
        ) : (
          <>
            <dl className="painted">
              {rows.map(([name, ms]) => (
                <Percentile key={name} name={name} ms={ms} objective={painted.objective_ms} />
              ))}
            </dl>
            <p className="hint">
              {painted.within !== null && (
                <>
                  <b>{share(painted.within)}</b> within {milliseconds(painted.objective_ms)},{' '}
                </>
              )}
              {count.format(painted.count)} {painted.count === 1 ? 'receipt' : 'receipts'} of the last{' '}
              {Math.round(painted.window_s / 60)} minutes. Upper bounds: until the receipt arrived.
            </p>
          </>
        )}
        <p className="hint">
          Objective: {milliseconds(painted.objective_ms)}, set in{' '}
          <Link href="/settings" className="text-link">
            Settings
          </Link>
          .
        </p>
      </div>
    </Card>
  )
}

function Percentile({ name, ms, objective }: { name: string; ms: number | null; objective: number }) {
  const good = ms !== null && ms <= objective
  const Icon = good ? IconCheck : IconAlertTriangle
  return (
    <div className="painted-row" data-tone={good ? 'good' : 'bad'}>
      <dt>{name}</dt>
      <dd>
        <span className="painted-bar" aria-hidden>
          <i style={{ width: `${Math.min(100, ((ms ?? 0) / objective) * 50)}%` }} />
        </span>
        <span className="numeral painted-ms">{ms === null ? '–' : milliseconds(ms)}</span>
        <Icon size={15} aria-hidden />
        <span className="visually-hidden">{good ? 'within the objective' : 'over the objective'}</span>
      </dd>
    </div>
  )
}
