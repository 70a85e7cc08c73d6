/**
 * The steps of a balance, drawn by uPlot. A picture only: the table beside it says the same in words.
 *
 * The colours are read from the page, so another colour scheme draws anew.
 */
import { useMantineColorScheme } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { formatAmount, formatBriefly } from '../amounts'
import { fullTime } from '../time'
import type { Point } from './series'

const HEIGHT_PX = 170
const TWO_DAYS_MS = 2 * 86_400_000
const AXIS_PX = 58

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

interface Props {
  points: readonly Point[]
  scale: number
  /** The picture in words. */
  label: string
}

export default function Steps({ points, scale, label }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(undefined)
  const { colorScheme } = useMantineColorScheme()
  const [at, setAt] = useState<number | null>(null)
  const latest = useRef(points)
  latest.current = points

  // biome-ignore lint/correctness/useExhaustiveDependencies: another colour scheme has other colours to read
  useEffect(() => {
    const element = place.current
    if (!element) return
    const made = new uPlot(optionsOf(element, scale, setAt), dataOf(latest.current), element)
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }))
    observer.observe(element)
    const system = window.matchMedia('(prefers-color-scheme: dark)')
    const redraw = () => made.redraw()
    system.addEventListener('change', redraw)
    return () => {
      observer.disconnect()
      system.removeEventListener('change', redraw)
      made.destroy()
      plot.current = undefined
    }
  }, [colorScheme, scale])
  useEffect(() => plot.current?.setData(dataOf(points)), [points])

  const point = at === null ? points.at(-1) : points[at]
  return (
    <>
      <div ref={place} className="steps" role="img" aria-label={label} style={{ minHeight: HEIGHT_PX }} />
      <p className="steps-point numeral" aria-hidden>
        {point && (
          <>
            <b>{formatAmount(point.credits, scale)}</b> {at === null ? 'now' : said(point)}
          </>
        )}
      </p>
    </>
  )
}

function said({ at, entry }: Point): string {
  const when = fullTime(new Date(at).toISOString())
  return entry ? `after ${entry.kind} · ${when} · v${entry.version}` : when
}

export function dataOf(points: readonly Point[]): uPlot.AlignedData {
  return [points.map(({ at }) => at), points.map(({ credits }) => credits)]
}

function optionsOf(element: HTMLElement, scale: number, onPoint: (at: number | null) => void): uPlot.Options {
  const colour = (name: string) => () => getComputedStyle(element).getPropertyValue(name).trim() || 'gray'
  const axis: uPlot.Axis = {
    stroke: colour('--mantine-color-dimmed'),
    grid: { stroke: colour('--lc-line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  return {
    width: element.clientWidth || 320,
    height: HEIGHT_PX,
    ms: 1,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: rangeOf } },
    axes: [
      { ...axis, size: 26, values: (_, splits) => splits.map((each) => timeText(each, splits)) },
      {
        ...axis,
        size: AXIS_PX,
        // Credits are whole parts of the unit: half of one is no mark.
        incrs: [1, 2, 5]
          .flatMap((each) => Array.from({ length: 16 }, (_, power) => each * 10 ** power))
          .sort((a, b) => a - b),
        values: (_, splits) => splits.map((each) => formatBriefly(each, scale)),
      },
    ],
    series: [
      {},
      {
        paths: uPlot.paths.stepped?.({ align: 1 }) as uPlot.Series.PathBuilder,
        points: { show: false },
        stroke: colour('--lc-accent'),
        fill: colour('--lc-selected'),
        width: 1.75,
      },
    ],
    hooks: { setCursor: [(self) => onPoint(self.cursor.idx ?? null)] },
  }
}

/** From 0 where it fits, so that a small step does not look like a fall from the sky. */
function rangeOf(_: uPlot, lowest: number, highest: number): uPlot.Range.MinMax {
  const room = Math.max(1, Math.round((Math.max(highest, 0) - Math.min(lowest, 0)) * 0.08))
  return [Math.min(0, lowest - (lowest < 0 ? room : 0)), Math.max(highest, 0) + room]
}

function timeText(at: number, all: readonly number[]): string {
  const span = (all.at(-1) ?? at) - (all[0] ?? at)
  return (span < TWO_DAYS_MS ? clock : day).format(at)
}
