/** Single vouchers: one code each, for anybody or for one user; changed or deleted only while nobody used them. */
import '../styles/shop.css'
import '../styles/vouchers.css'
import { ActionIcon, Button } from '@mantine/core'
import { IconPencil, IconPlus, IconSearch, IconTicket, IconTrash } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { isolated } from '../bidi'
import { Due } from '../components/Ago'
import { ConfirmDialog } from '../components/ConfirmDialog'
import { Copy } from '../components/Copy'
import { Empty } from '../components/Empty'
import { ChoiceFilter, OnlyUser, SearchFilter, without } from '../components/Filters'
import { ListCard } from '../components/ListCard'
import { PageHead } from '../components/PageHead'
import SavedFilters from '../components/SavedFilters'
import { Tabs } from '../components/Tabs'
import { useList } from '../list'
import { useOnline } from '../live'
import { useReason } from '../reasons'
import { useSession } from '../session'
import { shop, type Voucher } from '../shop'
import { toastFailure, toastSuccess } from '../toasts'
import { useUnits } from '../units'
import { useUrlState } from '../url'
import { VOUCHER_STATES, VoucherStatus } from '../vouchers/states'
import { VOUCHER_TABS } from './tabs'

const VoucherForm = lazy(() => import('../vouchers/VoucherForm'))

const PAGE = 50
const FILTERS = ['q', 'state', 'user']
const CHOICES = [{ value: 'all', label: 'All' }, ...VOUCHER_STATES]

export default function Vouchers() {
  const url = useUrlState()
  const { mayChange } = useSession()
  const online = useOnline()
  const [editing, setEditing] = useState<Voucher | 'new'>()
  const isFiltered = FILTERS.some((name) => url.get(name) !== null)
  const list = useList({
    name: 'vouchers',
    follows: 'vouchers',
    filters: {
      q: url.get('q') ?? undefined,
      state: url.get('state') ?? undefined,
      user: url.get('user') ?? undefined,
    },
    size: PAGE,
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
      <ListCard
        list={list}
        label="Vouchers"
        noun="voucher"
        newestFirst
        bar={
          <>
            <SearchFilter url={url} label="Search vouchers" placeholder="Code or a part of it" />
            <ChoiceFilter url={url} name="state" label="State" choices={CHOICES} usual="all" />
            <OnlyUser url={url} />
            <SavedFilters screen="vouchers" />
          </>
        }
        empty={
          isFiltered ? (
            <NoneMatches onClear={() => url.patch(without(FILTERS))} />
          ) : (
            <NoneYet onAdd={mayChange ? add : undefined} />
          )
        }
      >
        {({ items }) => (
          <VouchersTable vouchers={items} isOld={list.isOld} onEdit={setEditing} onDelete={list.takeNext} />
        )}
      </ListCard>
      <Suspense>
        {editing && (
          <VoucherForm
            found={editing === 'new' ? undefined : editing}
            onSaved={list.takeNext}
            onClose={() => setEditing(undefined)}
          />
        )}
      </Suspense>
    </>
  )
}

function NoneMatches({ onClear }: { onClear: () => void }) {
  return (
    <Empty
      icon={<IconSearch size={22} />}
      title="No vouchers match"
      action={
        <Button variant="default" size="sm" onClick={onClear}>
          Show all vouchers
        </Button>
      }
    >
      The search looks at codes. Codes of campaigns stand on their campaign’s page.
    </Empty>
  )
}

function NoneYet({ onAdd }: { onAdd: (() => void) | undefined }) {
  return (
    <Empty
      icon={<IconTicket size={22} />}
      title="No single vouchers yet"
      action={
        onAdd && (
          <Button size="sm" leftSection={<IconPlus size={16} />} onClick={onAdd}>
            Make the first voucher
          </Button>
        )
      }
    >
      A single voucher is one code for one redemption, for anybody or for one user: a thank-you, a refund.
    </Empty>
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
            <td className="cell-id one-line" data-label="for">
              {voucher.user_id ? (
                <Link href={`/users/${encodeURIComponent(voucher.user_id)}`} className="row-link">
                  <bdi title={isolated(voucher.user_id)}>{voucher.user_id}</bdi>
                </Link>
              ) : (
                <span className="dimmed">anybody</span>
              )}
            </td>
            <td className="dimmed nowrap" data-label={voucher.expires_at ? 'until' : undefined}>
              {voucher.expires_at ? <Due at={voucher.expires_at} /> : 'without end'}
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
