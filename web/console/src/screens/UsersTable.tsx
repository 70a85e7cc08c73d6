/**
 * The rows of the Users screen: only those near the viewport are in the document, whatever the page's size.
 *
 * It is a real table (screen readers walk it as one); rows that are not drawn are two spacers, and the row
 * that is being edited is always drawn, so scrolling never loses what somebody typed.
 */

import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import { defaultRangeExtractor, useWindowVirtualizer } from '@tanstack/react-virtual'
import { Fragment, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { UserRow } from '../api'
import { loadReasons } from '../components/InlineEditor'
import { isSelected, type Selection, select } from '../selection'
import { UserLine } from './UserLine'

const ROW_PX = 53
const OVERSCAN = 12

export interface Column {
  id: string
  label: string
  /** How the server calls it when it can sort by it. */
  sort?: string
  className: string
}

export const COLUMNS: Column[] = [
  { id: 'user', label: 'User', sort: 'user_id', className: 'col-user' },
  { id: 'credits', label: 'Credits', sort: 'credits', className: 'col-credits' },
  { id: 'held', label: 'Held', className: 'col-held' },
  { id: 'screens', label: 'Screens', className: 'col-screens' },
  { id: 'updated', label: 'Changed', sort: 'updated_at', className: 'col-updated' },
]

interface Props {
  rows: UserRow[]
  scale: number
  editable: boolean
  /** Who is selected; undefined for whoever may not change many at once. */
  selection: Selection | undefined
  sort: string
  onSort: (sort: string) => void
  isOld: boolean
}

export function UsersTable({ rows, scale, editable, selection, sort, onSort, isOld }: Props) {
  const [editing, setEditing] = useState<string | null>(null)
  const table = useRef<HTMLTableElement>(null)
  const [top, setTop] = useState(0)
  useLayoutEffect(() => setTop(table.current?.offsetTop ?? 0), [])
  useEffect(() => void loadReasons().catch(() => {}), [])

  // Shift selects from the row that was ticked last to this one, as it is in every list.
  const lastTicked = useRef<string>(undefined)
  const tick = (at: number, on: boolean, isRange: boolean) => {
    const from = isRange ? rows.findIndex((row) => row.user_id === lastTicked.current) : -1
    const [first, last] = from < 0 ? [at, at] : [Math.min(from, at), Math.max(from, at)]
    lastTicked.current = rows[at]?.user_id
    select(
      rows.slice(first, last + 1).map((row) => row.user_id),
      on,
    )
  }

  const editedAt = rows.findIndex((row) => row.user_id === editing)
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    scrollMargin: top,
    getItemKey: (at) => rows[at]?.user_id ?? at,
    rangeExtractor: (range) => {
      const drawn = defaultRangeExtractor(range)
      return editedAt < 0 || drawn.includes(editedAt) ? drawn : [...drawn, editedAt].sort((a, b) => a - b)
    },
  })
  const drawn = virtual.getVirtualItems()
  const spacers = gaps(drawn, virtual.getTotalSize(), top)
  const columns = COLUMNS.length + (selection ? 1 : 0)

  return (
    <table
      ref={table}
      className="rows"
      aria-rowcount={rows.length + 1}
      aria-busy={isOld}
      data-old={isOld || undefined}
    >
      <caption className="visually-hidden">
        Users and their credits. Arrow keys move between rows, Enter or F2 changes the credits.
      </caption>
      <thead>
        <tr aria-rowindex={1}>
          {selection && <SelectPage rows={rows} selection={selection} />}
          {COLUMNS.map((column) => (
            <Heading key={column.id} column={column} sort={sort} onSort={onSort} />
          ))}
        </tr>
      </thead>
      <tbody>
        {drawn.map((item, at) => {
          const row = rows[item.index]
          if (!row) return null
          return (
            // Keyed as a pair: a row keeps its state while the rows before it come and go.
            <Fragment key={item.key}>
              <Spacer height={spacers.before[at] ?? 0} columns={columns} />
              <UserLine
                row={row}
                index={item.index}
                measure={virtual.measureElement}
                scale={scale}
                editable={editable}
                selected={selection && isSelected(selection, row.user_id)}
                onTick={tick}
                editing={editing === row.user_id}
                onEdit={(on) => setEditing(on ? row.user_id : null)}
              />
            </Fragment>
          )
        })}
        <Spacer height={spacers.after} columns={columns} />
      </tbody>
    </table>
  )
}

function gaps(drawn: { start: number; end: number }[], total: number, top: number) {
  const before = drawn.map((item, at) => item.start - (at === 0 ? top : (drawn[at - 1]?.end ?? top)))
  const last = drawn.at(-1)
  return { before, after: last ? Math.max(0, total + top - last.end) : 0 }
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null
  return (
    <tr aria-hidden style={{ height }}>
      <td colSpan={columns} className="spacer" />
    </tr>
  )
}

/** Ticks every row of the page; half ticked where some are. */
function SelectPage({ rows, selection }: { rows: UserRow[]; selection: Selection }) {
  const count = rows.filter((row) => isSelected(selection, row.user_id)).length
  const all = count === rows.length
  return (
    <td className="col-tick">
      <label className="tick">
        <input
          type="checkbox"
          aria-label="Select all users on this page"
          checked={all}
          ref={(box) => {
            if (box) box.indeterminate = count > 0 && !all
          }}
          onChange={() =>
            select(
              rows.map((row) => row.user_id),
              !all,
            )
          }
        />
      </label>
    </td>
  )
}

interface HeadingProps {
  column: Column
  sort: string
  onSort: (sort: string) => void
}

function Heading({ column, sort, onSort }: HeadingProps) {
  if (!column.sort) {
    return (
      <th scope="col" className={column.className}>
        {column.label}
      </th>
    )
  }
  const direction = sort === column.sort ? 'ascending' : sort === `-${column.sort}` ? 'descending' : 'none'
  const Icon = direction === 'descending' ? IconArrowDown : IconArrowUp
  const next = direction === 'ascending' ? `-${column.sort}` : column.sort
  return (
    <th scope="col" className={column.className} aria-sort={direction}>
      <button
        type="button"
        className="heading"
        data-sorted={direction !== 'none' || undefined}
        onClick={() => onSort(next)}
      >
        {column.label}
        <Icon size={13} aria-hidden />
      </button>
    </th>
  )
}
