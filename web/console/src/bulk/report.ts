/** The report of a run as a file: one line per row, amounts plain, text inert. */
import { plainAmount } from '../amounts'
import { type Cell, writeCsv } from '../csv'
import type { BatchRowResult } from '../shop'
import type { Unreadable } from './plan'

const HEADER = [
  'row',
  'user_id',
  'unit',
  'op',
  'amount',
  'outcome',
  'before',
  'after',
  'entry',
  'code',
  'detail',
]

export function outcomeOf(result: BatchRowResult, isPreview: boolean): string {
  if (result.reversed_by) return 'undone'
  if (!result.ok) return 'refused'
  if (result.replayed) return 'already applied'
  return isPreview ? 'fits' : 'applied'
}

export function reportOf(
  results: readonly BatchRowResult[],
  unreadable: readonly Unreadable[],
  scaleOf: (unit: string) => number,
  isPreview: boolean,
): string {
  const told = results.map((result): [number, Cell[]] => {
    const amount = (value: number | null): Cell =>
      value === null ? null : { plain: plainAmount(value, scaleOf(result.unit)) }
    return [
      result.row,
      [
        result.row,
        result.user_id,
        result.unit,
        result.op,
        amount(result.amount),
        outcomeOf(result, isPreview),
        amount(result.before),
        amount(result.after),
        result.entry,
        result.code,
        result.detail,
      ],
    ]
  })
  const unread = unreadable.map(({ line, column, message }): [number, Cell[]] => [
    line,
    [line, null, null, null, null, 'unreadable', null, null, null, null, `${column}: ${message}`],
  ])
  const rows = [...told, ...unread].sort(([a], [b]) => a - b).map(([, cells]) => cells)
  return writeCsv(HEADER, rows)
}
