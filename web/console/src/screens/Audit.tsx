/**
 * Audit: who did what to whom, when and why, before → after.
 *
 * Newest first. Rows that come in while somebody reads do not push the list down: a button offers them. All
 * filters stand in the address. The export is a plain download of what the filters ask for.
 */
import { Button, Skeleton, Switch } from '@mantine/core'
import { IconChevronDown, IconClipboardList, IconDownload } from '@tabler/icons-react'
import { Fragment, useState } from 'react'
import { Link } from 'wouter'
import { useActorName, useTargetName } from '../actors'
import { type AuditRow, address, api, type ListQuery } from '../api'
import { isolated } from '../bidi'
import { Ago } from '../components/Ago'
import { Empty } from '../components/Empty'
import { ClearFilters, DaysFilter, startOf, TextFilter } from '../components/Filters'
import { ListCard } from '../components/ListCard'
import { PageHead } from '../components/PageHead'
import SavedFilters from '../components/SavedFilters'
import { Values, valuesOf } from '../components/Values'
import { useList } from '../list'
import { useSession } from '../session'
import { fullTime } from '../time'
import { FIRST_PAGE, type UrlState, useUrlState } from '../url'

const PAGE = 50
const FILTERS = ['actor', 'action', 'target', 'since', 'until']
const BROADCAST = 'user.broadcast'

export default function Audit() {
  const url = useUrlState()
  const { mayAdminister } = useSession()
  const filters = filtersOf(url)
  // Pushing again follows many changes and says little by itself; who asks for such rows gets them.
  const all = url.get('broadcasts') === 'shown' || filters.action !== undefined
  const list = useList({
    name: 'audit',
    follows: 'audit',
    filters: { ...filters, exclude: all ? undefined : BROADCAST },
    size: PAGE,
    read: api.audit,
    idOf: (row) => row.id,
  })
  const isFiltered = Object.values(filters).some(Boolean)

  return (
    <>
      <PageHead title="Audit">{mayAdminister && <Export filters={filters} />}</PageHead>
      <ListCard
        list={list}
        label="Audit rows"
        noun="row"
        newestFirst
        skeleton={<AuditSkeleton />}
        bar={
          <>
            <TextFilter url={url} name="actor" label="Actor" placeholder="operator:…" />
            <TextFilter url={url} name="action" label="Action" placeholder="credits.set" />
            <TextFilter url={url} name="target" label="Target" placeholder="User id" />
            <DaysFilter url={url} />
            {filters.action === undefined && (
              <Switch
                size="sm"
                label="Broadcasts"
                checked={all}
                onChange={(event) =>
                  url.patch({ broadcasts: event.currentTarget.checked ? 'shown' : null, ...FIRST_PAGE })
                }
              />
            )}
            <ClearFilters url={url} names={FILTERS} />
            <SavedFilters screen="audit" />
          </>
        }
        empty={
          <Empty
            icon={<IconClipboardList size={22} />}
            title={isFiltered ? 'No rows match' : 'Nothing has happened yet'}
          >
            {isFiltered
              ? 'Loosen a filter. Actors and actions are compared exactly.'
              : 'Change some credits on the Users page: the row stands here at once.'}
          </Empty>
        }
      >
        {({ items }) => <AuditTable rows={items} isOld={list.isOld} />}
      </ListCard>
    </>
  )
}

type Filters = Record<'actor' | 'action' | 'target' | 'since' | 'until', string | undefined>

function filtersOf(url: UrlState): Filters & ListQuery {
  const text = (name: string) => url.get(name) ?? undefined
  return {
    actor: text('actor'),
    action: text('action'),
    target: text('target'),
    since: startOf(url.get('since'), 0),
    until: startOf(url.get('until'), 1),
  }
}

function Export({ filters }: { filters: Filters }) {
  return (
    <Button.Group>
      {(['csv', 'ndjson'] as const).map((format) => (
        <Button
          key={format}
          component="a"
          size="sm"
          variant="default"
          href={address('admin/audit', { ...filters, format })}
          download={`audit.${format}`}
          aria-label={`Export as ${format}`}
          leftSection={format === 'csv' && <IconDownload size={16} />}
        >
          {format.toUpperCase()}
        </Button>
      ))}
    </Button.Group>
  )
}

function AuditTable({ rows, isOld }: { rows: AuditRow[]; isOld: boolean }) {
  const [opened, setOpened] = useState<string | null>(null)
  return (
    <table className="rows audit" aria-busy={isOld} data-old={isOld || undefined}>
      <caption className="visually-hidden">Audit rows, newest first</caption>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Action</th>
          <th scope="col">Target</th>
          <th scope="col">Before → after</th>
          <th scope="col">Reason</th>
          <th scope="col">Actor</th>
          <th scope="col">
            <span className="visually-hidden">Details</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => {
          const open = opened === row.id
          return (
            <Fragment key={row.id}>
              <AuditLine row={row} open={open} onToggle={() => setOpened(open ? null : row.id)} />
              {open && <AuditDetails row={row} />}
            </Fragment>
          )
        })}
      </tbody>
    </table>
  )
}

function AuditLine({ row, open, onToggle }: { row: AuditRow; open: boolean; onToggle: () => void }) {
  const who = useActorName()
  return (
    <tr data-open={open || undefined}>
      <td className="audit-when dimmed">
        <Ago at={row.at} />
      </td>
      <td className="audit-action">
        <code>{row.action}</code>
      </td>
      <td className="audit-target">
        <Target row={row} />
      </td>
      <td className="audit-values" data-empty={row.before === null && row.after === null ? true : undefined}>
        <Values before={valuesOf(row.before)} after={valuesOf(row.after)} brief />
      </td>
      <td className="audit-reason" data-empty={row.reason === null || undefined}>
        {row.reason ? <bdi>{row.reason}</bdi> : <span className="dimmed">–</span>}
      </td>
      <td className="audit-actor dimmed">{who(row.actor)}</td>
      <td className="audit-more">
        <button
          type="button"
          className="more-button"
          aria-expanded={open}
          aria-label={`Details of ${row.action} at ${fullTime(row.at)}`}
          onClick={onToggle}
        >
          <IconChevronDown size={16} aria-hidden />
        </button>
      </td>
    </tr>
  )
}

/** Where a target is looked at, by the kind of action. */
function placeOf({ action, target }: AuditRow): string | undefined {
  const id = encodeURIComponent(target ?? '')
  if (target?.startsWith('ord_')) return `/orders?state=all&q=${id}&order=${id}`
  if (target?.startsWith('cmp_')) return `/vouchers/campaigns/${id}`
  if (target?.startsWith('bat_')) return `/bulk?batch=${id}`
  if (/^package\b/.test(action)) return '/orders/packages'
  return /^(credits|user|users|entry|hold|grant|order|batch)\b/.test(action) ? `/users/${id}` : undefined
}

function Target({ row }: { row: AuditRow }) {
  const nameOf = useTargetName()
  if (row.target === null) return <span className="dimmed">–</span>
  const place = placeOf(row)
  const id = <Id id={row.target} name={nameOf(row.target)} />
  if (place === undefined) return id
  return (
    <Link href={place} className="row-link">
      {id}
    </Link>
  )
}

/**
 * A generated id is known by its end, that of a colleague or a key by the name; the whole of it is in the title and in
 * the details.
 */
function Id({ id, name }: { id: string; name: string | undefined }) {
  const generated = /^([a-z]+_)[0-9a-f]{24}([0-9a-f]{8})$/.exec(id)
  if (name !== undefined)
    return (
      <bdi className="two-lines" title={id}>
        {name}
      </bdi>
    )
  return generated ? (
    <span className="generated" title={id}>{`${generated[1]}…${generated[2]}`}</span>
  ) : (
    <bdi className="two-lines" title={isolated(id)}>
      {id}
    </bdi>
  )
}

function AuditDetails({ row }: { row: AuditRow }) {
  const facts: [string, string | null][] = [
    ['Time', fullTime(row.at)],
    ['Actor', row.actor],
    ['Target', row.target],
    ['Address', row.address],
    ['Request', row.request_id],
    ['Row', row.id],
    ['Details', row.details === null || row.details === undefined ? null : JSON.stringify(row.details)],
  ]
  return (
    <tr className="audit-details">
      <td colSpan={7}>
        <dl className="pairs">
          {facts.map(
            ([label, value]) =>
              value && (
                <div key={label}>
                  <dt>{label}</dt>
                  <dd>
                    <code dir="auto">{value}</code>
                  </dd>
                </div>
              ),
          )}
          {(row.before !== null || row.after !== null) && (
            <div>
              <dt>Values</dt>
              <dd>
                <Values before={valuesOf(row.before)} after={valuesOf(row.after)} />
              </dd>
            </div>
          )}
        </dl>
      </td>
    </tr>
  )
}

function AuditSkeleton() {
  return (
    <div className="skeletons" aria-hidden>
      {[0, 1, 2, 3, 4, 5].map((at) => (
        <div className="skeleton-row" key={at}>
          <Skeleton height={12} width={70} />
          <Skeleton height={12} width={`${30 - at * 2}%`} />
          <Skeleton height={12} width={90} ml="auto" />
        </div>
      ))}
    </div>
  )
}
