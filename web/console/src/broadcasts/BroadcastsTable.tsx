/** The rows of the broadcast log, each with its change, who caused it, and who has seen it. Below 62em they are cards. */
import { IconChevronDown, IconSend } from '@tabler/icons-react'
import { Fragment } from 'react'
import { Link } from 'wouter'
import { useActorName } from '../actors'
import { isolated } from '../bidi'
import { Ago } from '../components/Ago'
import { Amount } from '../components/Amount'
import { EntryIcon, kindName } from '../components/EntryIcon'
import { fullTime } from '../time'
import { useUnits } from '../units'
import { BroadcastDetails } from './BroadcastDetails'
import { type Broadcast, delayText, isBehind } from './log'
import { ScreenCounts } from './ScreenCounts'

interface Props {
  rows: Broadcast[]
  isOld: boolean
  open: string | null
  onOpen: (id: string | null) => void
}

export function BroadcastsTable({ rows, isOld, open, onOpen }: Props) {
  return (
    <table className="rows broadcasts" aria-busy={isOld} data-old={isOld || undefined}>
      <caption className="visually-hidden">Broadcasts, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Committed</th>
          <th scope="col">Change</th>
          <th scope="col">User</th>
          <th scope="col">Actor, cause</th>
          <th scope="col">Node</th>
          <th scope="col">Screens</th>
          <th scope="col">First–last</th>
          <th scope="col">
            <span className="visually-hidden">Details</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const isOpen = open === row.id
          return (
            <Fragment key={row.id}>
              <BroadcastLine row={row} isOpen={isOpen} onToggle={() => onOpen(isOpen ? null : row.id)} />
              {isOpen && (
                <tr className="broadcast-details">
                  <td colSpan={8}>
                    <BroadcastDetails row={row} />
                  </td>
                </tr>
              )}
            </Fragment>
          )
        })}
      </tbody>
    </table>
  )
}

function BroadcastLine({ row, isOpen, onToggle }: { row: Broadcast; isOpen: boolean; onToggle: () => void }) {
  const who = useActorName()
  const what = row.asked ? 'sent again' : row.kind
  return (
    <tr
      data-broadcast={row.id}
      data-open={isOpen || undefined}
      data-behind={isBehind(row) || undefined}
      data-asked={row.asked || undefined}
    >
      <td className="broadcast-when dimmed">
        <Ago at={row.committed_at} />
      </td>
      <td className="broadcast-change">
        <Change row={row} />
      </td>
      <td className="broadcast-user">
        <Link href={`/users/${encodeURIComponent(row.user_id)}`} className="row-link">
          <bdi className="two-lines" title={isolated(row.user_id)}>
            {row.user_id}
          </bdi>
        </Link>
      </td>
      <td className="broadcast-actor">
        <span className="dimmed">{who(row.actor)}</span>
        {row.label && (
          <bdi className="two-lines" title={isolated(row.label)}>
            {row.label}
          </bdi>
        )}
      </td>
      <td className="broadcast-node dimmed" data-empty={row.node === null || undefined}>
        {row.node ?? '–'}
      </td>
      <td className="broadcast-screens">
        <ScreenCounts counts={row.screens} />
      </td>
      <td className="broadcast-delay numeral" data-empty={delayText(row.screens) === undefined || undefined}>
        {delayText(row.screens) ?? <span className="dimmed">–</span>}
      </td>
      <td className="broadcast-more">
        <button
          type="button"
          className="broadcast-toggle"
          aria-expanded={isOpen}
          aria-label={`Details: ${what} for ${isolated(row.user_id)} at ${fullTime(row.committed_at)}`}
          onClick={onToggle}
        >
          <IconChevronDown size={16} aria-hidden />
        </button>
      </td>
    </tr>
  )
}

function Change({ row }: { row: Broadcast }) {
  const { units, scaleOf } = useUnits()
  const unit = units.length > 1 || row.unit !== units[0]?.name ? `${row.unit} ` : ''
  return (
    <span className="change">
      {row.asked ? (
        <span className="asked">
          <IconSend size={14} aria-hidden /> Sent again
        </span>
      ) : (
        <>
          <EntryIcon kind={row.kind} /> {kindName(row.kind)}
          {row.amount !== null && <Amount value={row.amount} scale={scaleOf(row.unit)} />}
        </>
      )}
      <span className="dimmed numeral">{`${unit}v${row.version}`}</span>
    </span>
  )
}
