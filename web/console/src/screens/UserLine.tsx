/**
 * One user in the list: who, the live balance with its editor, what is held, on how many screens.
 */
import { IconDeviceDesktop, IconLock, IconSnowflake } from '@tabler/icons-react'
import { type KeyboardEvent, type ReactNode, useRef, useState } from 'react'
import { Link } from 'wouter'
import { type Edit, formatAmount } from '../amounts'
import type { UserRow } from '../api'
import { useBalance } from '../balances'
import { isolated } from '../bidi'
import { clearLayer } from '../board'
import { type Target, useChanges } from '../changes'
import { Ago } from '../components/Ago'
import { BalanceCell } from '../components/BalanceCell'
import { InlineEditor } from '../components/InlineEditor'
import { LowBadge } from '../components/LowBadge'
import { useOnline } from '../live'

interface Props {
  row: UserRow
  index: number
  measure: (element: Element | null) => void
  scale: number
  editable: boolean
  /** Undefined where nobody can be selected. */
  selected: boolean | undefined
  onTick: (index: number, on: boolean, isRange: boolean) => void
  editing: boolean
  onEdit: (on: boolean) => void
}

export function UserLine(props: Props) {
  const { row, index, measure, scale, editable, selected, onTick, editing, onEdit } = props
  const balance = useBalance(row.user_id, row.unit, row)
  const { change } = useChanges()
  const online = useOnline()
  const [target, setTarget] = useState<Target>()
  const button = useRef<HTMLButtonElement>(null)
  const name = isolated(row.name ?? row.user_id)
  const updatedAt = balance.updatedAt === null ? row.updated_at : new Date(balance.updatedAt).toISOString()

  const open = () => {
    if (!online || balance.layer?.phase === 'sending') return
    clearLayer(row.user_id, row.unit)
    setTarget({
      user: row.user_id,
      name,
      unit: row.unit,
      scale,
      credits: balance.confirmed,
      version: balance.version,
    })
    onEdit(true)
  }
  const close = () => {
    onEdit(false)
    requestAnimationFrame(() => button.current?.focus())
  }
  const apply = (edit: Edit, reason: string) => {
    close()
    if (target) void change(target, edit, reason)
  }

  return (
    <tr
      ref={measure}
      data-index={index}
      aria-rowindex={index + 2}
      data-editing={editing || undefined}
      data-phase={balance.layer?.phase}
      data-selected={selected || undefined}
      data-user={row.user_id}
    >
      {selected !== undefined && (
        <td className="col-tick">
          <label className="tick">
            <input
              type="checkbox"
              aria-label={`Select ${name}`}
              checked={selected}
              // The click and not the change: only it knows about the Shift key.
              onClick={(event) => onTick(index, !selected, event.shiftKey)}
              onChange={() => {}}
            />
          </label>
        </td>
      )}
      <td className="col-user">
        <UserCell row={row} name={row.name ?? row.user_id} low={balance.low ?? row.low ?? false}>
          {balance.held > 0 && <span className="more-held">{formatAmount(balance.held, scale)} held</span>}
          {row.screens > 0 && (
            <span className="more-screens">{`${row.screens} ${row.screens === 1 ? 'screen' : 'screens'}`}</span>
          )}
          <Ago at={updatedAt} />
        </UserCell>
      </td>
      {editing && target ? (
        <td className="col-editor" colSpan={4}>
          <InlineEditor
            target={target}
            credits={balance.confirmed}
            disabled={!online}
            onApply={apply}
            onCancel={close}
          />
        </td>
      ) : (
        <>
          <td className="col-credits">
            <BalanceCell
              name={name}
              balance={balance}
              scale={scale}
              editable={editable && online}
              onEdit={open}
              buttonRef={button}
              onKeyDown={(event) => moveOrEdit(event, open)}
            />
          </td>
          <td className="col-held numeral">
            {balance.held > 0 ? (
              <span className="held">
                <IconLock size={13} aria-hidden />
                {formatAmount(balance.held, scale)}
              </span>
            ) : (
              <span className="dimmed">–</span>
            )}
          </td>
          <td className="col-screens numeral">
            <Screens count={row.screens} />
          </td>
          <td className="col-updated dimmed">
            <Ago at={updatedAt} />
          </td>
        </>
      )}
    </tr>
  )
}

interface UserProps {
  row: UserRow
  name: string
  low: boolean
  /** What has no column of its own where there is little room. */
  children: ReactNode
}

function UserCell({ row, name, low, children }: UserProps) {
  const below = [row.name ? isolated(row.user_id) : null, row.email].filter(Boolean).join(' · ')
  return (
    <div className="user-cell">
      <span className="avatar" dir="auto" aria-hidden>
        {initials(name)}
      </span>
      <div className="user-names">
        <span className="user-name">
          <Link href={`/users/${encodeURIComponent(row.user_id)}`} className="row-link">
            <bdi>{name}</bdi>
          </Link>
          {low && <LowBadge />}
          {row.frozen && (
            <span className="chip frozen">
              <IconSnowflake size={12} aria-hidden /> Frozen
            </span>
          )}
        </span>
        {below && <span className="user-below">{below}</span>}
        <span className="user-more numeral">{children}</span>
      </div>
    </div>
  )
}

function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean)
  return [words[0], words.length > 1 ? words.at(-1) : undefined]
    .map((word) => [...(word ?? '')][0] ?? '')
    .join('')
    .toUpperCase()
}

function Screens({ count }: { count: number }) {
  if (count === 0) return <span className="dimmed">–</span>
  return (
    <span className="screens" title={`${count} connected ${count === 1 ? 'screen' : 'screens'}`}>
      <IconDeviceDesktop size={14} aria-hidden />
      {count}
    </span>
  )
}

/** F2 edits as Enter does; the arrows walk the balances of the rows. */
function moveOrEdit(event: KeyboardEvent, edit: () => void): void {
  if (event.key === 'F2') {
    event.preventDefault()
    edit()
  }
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  event.preventDefault()
  const rows = [...document.querySelectorAll<HTMLButtonElement>('.rows .balance-button')]
  const at = rows.indexOf(event.currentTarget as HTMLButtonElement)
  rows[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus()
}
