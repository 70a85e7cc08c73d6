/**
 * The last 24 hours of a unit: what came in stands above the line, what went below it; the same as a table.
 *
 * Bars are boxes of the page, so they follow every width without a measurement. Where a bar stands says what it is;
 * colour only repeats it. Pointing at an hour tells its figures; the table tells them all, to everybody. A bar that would
 * dwarf all others is cut, with a gap and its amount.
 */
import { Button } from '@mantine/core'
import { IconChartBar, IconTable } from '@tabler/icons-react'
import { useState } from 'react'
import { formatAmount, formatBriefly } from '../amounts'
import { Card } from '../components/Card'
import type { UnitStats } from '../installation'
import { type Bar, barOf, ceilingOf, LABELS, PARTS, type Part } from './figures'

const LABEL_EVERY = 6
const UP_FROM_TOP: Part[] = ['back', 'granted']
const DOWN: Part[] = ['spent', 'expired', 'taken']

const axisText = new Intl.DateTimeFormat(undefined, { hour: 'numeric' })
const hourText = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' })

export function FlowChart({ stats }: { stats: UnitStats }) {
  const [asTable, setAsTable] = useState(false)
  const bars = stats.series.map(barOf)
  const used = PARTS.filter((part) => bars.some((bar) => bar.parts[part] > 0))
  const Icon = asTable ? IconChartBar : IconTable
  return (
    <Card
      title="Last 24 hours"
      action={
        <Button
          size="compact-sm"
          variant="subtle"
          color="gray"
          className="quiet"
          leftSection={<Icon size={15} aria-hidden />}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? 'As a chart' : 'As a table'}
        </Button>
      }
    >
      {used.length === 0 ? (
        <p className="nothing">No {stats.unit} moved in the last 24 hours.</p>
      ) : asTable ? (
        <FlowTable bars={bars} parts={used} scale={stats.scale} />
      ) : (
        <Bars bars={bars} parts={used} stats={stats} />
      )}
    </Card>
  )
}

interface BarsProps {
  bars: Bar[]
  parts: Part[]
  stats: UnitStats
}

function Bars({ bars, parts, stats }: BarsProps) {
  const [pointed, setPointed] = useState<Bar>()
  const ceiling = ceilingOf(bars)
  const top = Math.min(ceiling, Math.max(...bars.map((bar) => bar.up)))
  const bottom = Math.min(ceiling, Math.max(...bars.map((bar) => bar.down)))
  const isCut = bars.some((bar) => Math.max(bar.up, bar.down) > ceiling)
  const sum = (part: Part) => bars.reduce((total, bar) => total + bar.parts[part], 0)
  const said = parts.map((part) => `${LABELS[part].toLowerCase()} ${formatAmount(sum(part), stats.scale)}`)
  return (
    <figure className="flow">
      <div
        className="flow-bars"
        role="img"
        aria-label={`${stats.unit} in the last 24 hours: ${said.join(', ')}`}
        onMouseLeave={() => setPointed(undefined)}
        style={{ '--flow-up': `${(top / Math.max(top + bottom, 1)) * 100}%` } as React.CSSProperties}
      >
        {bars.map((bar) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: pointing only repeats what the table tells
          <div key={bar.at} className="flow-hour" onMouseEnter={() => setPointed(bar)}>
            <Stack
              className="flow-up"
              bar={bar}
              parts={UP_FROM_TOP}
              whole={bar.up}
              to={top}
              scale={stats.scale}
            />
            <Stack
              className="flow-down"
              bar={bar}
              parts={DOWN}
              whole={bar.down}
              to={bottom}
              scale={stats.scale}
            />
          </div>
        ))}
      </div>
      <div className="flow-axis" aria-hidden>
        {bars.map((bar, at) => (
          <span key={bar.at}>{at % LABEL_EVERY === 0 ? axisText.format(Date.parse(bar.at)) : ''}</span>
        ))}
      </div>
      <figcaption className="flow-legend">
        {parts.map((part) => (
          <span key={part} className="flow-key">
            <i data-part={part} aria-hidden />
            {LABELS[part]}
            <b className="numeral">{formatAmount(pointed ? pointed.parts[part] : sum(part), stats.scale)}</b>
          </span>
        ))}
        <span className="dimmed flow-when">
          {pointed ? `from ${hourText.format(Date.parse(pointed.at))}` : 'in 24 hours'}
          {isCut && '; bars with a gap are cut'}
        </span>
      </figcaption>
    </figure>
  )
}

interface StackProps {
  className: string
  bar: Bar
  parts: Part[]
  whole: number
  /** The amount that fills the height. */
  to: number
  scale: number
}

/** One side of an hour; a stack that does not fit keeps its proportions, and its amount stands beside it. */
function Stack({ className, bar, parts, whole, to, scale }: StackProps) {
  const isCut = whole > to
  const full = Math.max(isCut ? whole : to, 1)
  return (
    <div className={className} data-cut={isCut || undefined}>
      {parts.map((part) => (
        <i key={part} data-part={part} style={{ height: `${(bar.parts[part] / full) * 100}%` }} />
      ))}
      {isCut && <span className="flow-cut numeral">{formatBriefly(whole, scale)}</span>}
    </div>
  )
}

function FlowTable({ bars, parts, scale }: { bars: Bar[]; parts: Part[]; scale: number }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section className="flow-table" aria-label="The last 24 hours, hour by hour" tabIndex={0}>
      <table className="rows">
        <caption className="visually-hidden">The last 24 hours, newest first</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {parts.map((part) => (
              <th key={part} scope="col" className="end">
                {LABELS[part]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...bars].reverse().map((bar) => (
            <tr key={bar.at}>
              <th scope="row">
                <time dateTime={bar.at}>{hourText.format(Date.parse(bar.at))}</time>
              </th>
              {parts.map((part) => (
                <td key={part} className="end numeral">
                  {formatAmount(bar.parts[part], scale)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
