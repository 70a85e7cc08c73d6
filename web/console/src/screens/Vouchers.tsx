/** Single vouchers: one code each, for anybody or for one user; changed or deleted only while nobody used them. */
import '../styles/shop.css'
import '../styles/vouchers.css'
import { ActionIcon, Button, SegmentedControl } from '@mantine/core'
import { IconPencil, IconPlus, IconRefresh, IconSearch, IconTicket, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { ConfirmDialog } from '../components/ConfirmDialog'
import { Copy } from '../components/Copy'
import { Cursor } from '../components/Cursor'
import { Empty } from '../components/Empty'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import SavedFilters from '../components/SavedFilters'
import { SearchField } from '../components/SearchField'
import { SkeletonRows } from '../components/SkeletonRows'
import { Tabs } from '../components/Tabs'
import { useOnline } from '../live'
import { useReason } from '../reasons'
import { useSession } from '../session'
import { shop, type Voucher } from '../shop'
import { useSteadyPage } from '../steady'
import { toastFailure, toastSuccess } from '../toasts'
import { useUnits } from '../units'
import { FIRST_PAGE, useUrlState } from '../url'
import { VOUCHER_STATES, VoucherStatus } from '../vouchers/states'
import { VOUCHER_TABS } from './tabs'

const VoucherForm = lazy(() => import('../vouchers/VoucherForm'))

const PAGE = 50

export default function Vouchers() {
  const url = useUrlState()
  const { mayChange } = useSession()
  const online = useOnline()
  const [editing, setEditing] = useState<Voucher | 'new'>()
  const search = url.get('q') ?? ''
  const state = url.get('state')
  const user = url.get('user')
  const filtered = search !== '' || state !== null || user !== null
  const query = {
    q: search || undefined,
    state: state ?? undefined,
    user: user ?? undefined,
    limit: PAGE,
    after: url.get('after') ?? undefined,
    before: url.get('before') ?? undefined,
  }
  const { page, isOld, problem, retry, showNewOrder, takeNext } = useSteadyPage<
    Voucher,
    Awaited<ReturnType<typeof shop.vouchers>>
  >({
    name: 'vouchers',
    follows: 'vouchers',
    query,
    read: shop.vouchers,
    readOne: shop.voucher,
    idOf: ({ voucher }) => voucher,
  })
  const add = () => setEditing('new')

  return (
    <>
      <PageHead title="Vouchers">
        {mayChange && (
          <Button size="sm" disabled={!online} leftSection={<IconPlus size={16} />} onClick={add}>
            New voucher
          </Button>
        )}
      </PageHead>
      <Tabs label="Vouchers" tabs={VOUCHER_TABS} />
      <div className="bar">
        <SearchField
          label="Search vouchers"
          placeholder="Code or a part of it"
          value={search}
          onSearch={(q) => url.patch({ q, ...FIRST_PAGE }, { replace: true })}
        />
        <SegmentedControl
          aria-label="State"
          size="sm"
          className="states"
          value={state ?? 'all'}
          data={[
            { value: 'all', label: 'All' },
            ...VOUCHER_STATES.map(({ value, label }) => ({ value, label })),
          ]}
          onChange={(next) => url.patch({ state: next === 'all' ? null : next, ...FIRST_PAGE })}
        />
        <SavedFilters screen="vouchers" />
        {showNewOrder && (
          <Button size="sm" variant="light" leftSection={<IconRefresh size={15} />} onClick={showNewOrder}>
            The list has changed: show
          </Button>
        )}
      </div>
      <section className="card" aria-label="Vouchers">
        {problem && <ProblemPanel title="The vouchers could not be read" problem={problem} retry={retry} />}
        {!page && !problem && <SkeletonRows />}
        {page && page.items.length > 0 && (
          <VouchersTable vouchers={page.items} isOld={isOld} onEdit={setEditing} onDelete={takeNext} />
        )}
        {page && page.items.length === 0 && filtered && (
          <Empty
            icon={<IconSearch size={22} />}
            title="No vouchers match"
            action={
              <Button
                variant="default"
                size="sm"
                onClick={() => url.patch({ q: null, state: null, user: null, ...FIRST_PAGE })}
              >
                Show all vouchers
              </Button>
            }
          >
            The search looks at codes. Codes of campaigns stand on their campaign’s page.
          </Empty>
        )}
        {page && page.items.length === 0 && !filtered && (
          <Empty
            icon={<IconTicket size={22} />}
            title="No single vouchers yet"
            action={
              mayChange && (
                <Button size="sm" leftSection={<IconPlus size={16} />} onClick={add}>
                  Make the first voucher
                </Button>
              )
            }
          >
            A single voucher is one code for one redemption, for anybody or for one user: a thank-you, a
            refund.
          </Empty>
        )}
      </section>
      {page && page.items.length > 0 && (
        <div className="foot">
          <Cursor
            summary={`${page.items.length} ${page.items.length === 1 ? 'voucher' : 'vouchers'}, newest first`}
            previous={page.previous}
            next={page.next}
            onGo={url.patch}
          />
        </div>
      )}
      <Suspense>
        {editing && (
          <VoucherForm
            found={editing === 'new' ? undefined : editing}
            onSaved={takeNext}
            onClose={() => setEditing(undefined)}
          />
        )}
      </Suspense>
    </>
  )
}

interface TableProps {
  vouchers: Voucher[]
  isOld: boolean
  onEdit: (voucher: Voucher) => void
  onDelete: () => void
}

function VouchersTable({ vouchers, isOld, onEdit, onDelete }: TableProps) {
  const { scaleOf } = useUnits()
  const { mayChange } = useSession()
  return (
    <table className="rows shop-rows vouchers" aria-busy={isOld} data-old={isOld || undefined}>
      <caption className="visually-hidden">Single vouchers, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Code</th>
          <th scope="col" className="end">
            Amount
          </th>
          <th scope="col">For</th>
          <th scope="col">Redeemable until</th>
          <th scope="col">State</th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {vouchers.map((voucher) => (
          <tr key={voucher.voucher} data-voucher={voucher.voucher} data-state={voucher.state}>
            <td className="cell-main">
              <span className="code">
                <code>{voucher.code}</code>
                {mayChange && <Copy value={voucher.code} name={voucher.code} />}
              </span>
            </td>
            <td className="end numeral">
              {formatAmount(voucher.amount, scaleOf(voucher.unit))}{' '}
              <span className="dimmed">{voucher.unit}</span>
            </td>
            <td data-label="for">
              {voucher.user_id ? (
                <Link href={`/users/${encodeURIComponent(voucher.user_id)}`} className="row-link">
                  <bdi>{voucher.user_id}</bdi>
                </Link>
              ) : (
                <span className="dimmed">anybody</span>
              )}
            </td>
            <td className="dimmed nowrap" data-label={voucher.expires_at ? 'until' : undefined}>
              {voucher.expires_at ? <Ago at={voucher.expires_at} /> : 'without end'}
            </td>
            <td>
              <VoucherStatus voucher={voucher} />
            </td>
            <td className="cell-action nowrap">
              {mayChange && voucher.redemptions === 0 && voucher.state !== 'revoked' && (
                <>
                  <ActionIcon
                    variant="subtle"
                    color="gray"
                    aria-label={`Edit ${voucher.code}`}
                    onClick={() => onEdit(voucher)}
                  >
                    <IconPencil size={16} />
                  </ActionIcon>
                  <Delete voucher={voucher} onDelete={onDelete} />
                </>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Delete({ voucher, onDelete }: { voucher: Voucher; onDelete: () => void }) {
  const client = useQueryClient()
  const online = useOnline()
  const why = useReason()
  const [asking, setAsking] = useState(false)
  const remove = async () => {
    setAsking(false)
    const reason = await why(`Delete ${voucher.code}`)
    if (reason === null) return
    try {
      await shop.deleteVoucher(voucher.voucher, reason)
      onDelete()
      toastSuccess('Voucher deleted', `${voucher.code} is deleted`)
    } catch (error) {
      toastFailure(asProblem(error), 'Failed to delete the voucher', voucher.code)
    } finally {
      void client.invalidateQueries({ queryKey: ['vouchers'] })
    }
  }
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        disabled={!online}
        aria-label={`Delete ${voucher.code}`}
        onClick={() => setAsking(true)}
      >
        <IconTrash size={16} />
      </ActionIcon>
      {asking && (
        <ConfirmDialog
          title={`Delete ${voucher.code}?`}
          confirm="Delete"
          onConfirm={() => void remove()}
          onClose={() => setAsking(false)}
        >
          Whoever has this code will be told that there is no such code.
        </ConfirmDialog>
      )}
    </>
  )
}
