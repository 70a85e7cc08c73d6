/**
 * Packages: what users can order, in the order in which they see it. Admins make, change, move and retire them.
 *
 * An order keeps its package as it was, so nothing here changes an order. A package that was ordered cannot be
 * deleted; it is taken out of sale instead.
 */
import '../styles/shop.css'
import { ActionIcon, Button, Switch } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconPackage, IconPencil, IconPlus } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Empty } from '../components/Empty'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import { SkeletonRows } from '../components/SkeletonRows'
import { Tabs } from '../components/Tabs'
import { useOnline } from '../live'
import { formatPrice } from '../money'
import { useReason } from '../reasons'
import { useSession } from '../session'
import { type Package, type PackageBody, shop } from '../shop'
import { spanText } from '../spans'
import { toastFailure, toastSuccess } from '../toasts'
import { useUnits } from '../units'
import { ORDER_TABS } from './tabs'

const PackageForm = lazy(() => import('../orders/PackageForm'))

export default function Packages() {
  const { mayAdminister } = useSession()
  const online = useOnline()
  const read = useQuery({ queryKey: ['packages'], queryFn: ({ signal }) => shop.packages(signal) })
  const [editing, setEditing] = useState<Package | 'new'>()
  const problem = read.error ? asProblem(read.error) : undefined
  const packages = [...(read.data?.items ?? [])].sort((a, b) => a.position - b.position)
  const add = () => setEditing('new')

  return (
    <>
      <PageHead title="Packages">
        {mayAdminister && (
          <Button size="sm" disabled={!online} leftSection={<IconPlus size={16} />} onClick={add}>
            New package
          </Button>
        )}
      </PageHead>
      <Tabs label="Orders" tabs={ORDER_TABS} />
      <section className="card" aria-label="Packages">
        {problem && (
          <ProblemPanel
            title="The packages could not be read"
            problem={problem}
            retry={() => void read.refetch()}
          />
        )}
        {!read.data && !problem && <SkeletonRows count={4} />}
        {read.data && packages.length === 0 && (
          <Empty
            icon={<IconPackage size={22} />}
            title="No packages yet"
            action={
              mayAdminister && (
                <Button size="sm" leftSection={<IconPlus size={16} />} onClick={add}>
                  Make the first package
                </Button>
              )
            }
          >
            A package says how many credits users get for which price. They order it; you fulfil the order.
          </Empty>
        )}
        {packages.length > 0 && <PackagesTable packages={packages} onEdit={setEditing} />}
      </section>
      <Suspense>
        {editing && (
          <PackageForm
            found={editing === 'new' ? undefined : editing}
            position={(packages.at(-1)?.position ?? 0) + 1}
            onClose={() => setEditing(undefined)}
          />
        )}
      </Suspense>
    </>
  )
}

function bodyOf(found: Package): PackageBody {
  const { name, description, credits, unit, price_minor, currency, validity_s, active, position } = found
  return { name, description, credits, unit, price_minor, currency, validity_s, active, position }
}

function usePut() {
  const client = useQueryClient()
  const why = useReason()
  return async (title: string, changes: { found: Package; body: Partial<PackageBody> }[]) => {
    const name = changes[0]?.found.name ?? ''
    const reason = await why(`${title}: ${name}`)
    if (reason === null) return
    try {
      for (const { found, body } of changes)
        await shop.putPackage(found.id, { ...bodyOf(found), ...body, reason })
      toastSuccess(title, `${name}: ${title.toLowerCase()}`)
    } catch (error) {
      toastFailure(asProblem(error), 'Failed to save the package', name)
    } finally {
      await client.invalidateQueries({ queryKey: ['packages'] })
    }
  }
}

interface TableProps {
  packages: Package[]
  onEdit: (found: Package) => void
}

function PackagesTable({ packages, onEdit }: TableProps) {
  const { mayAdminister } = useSession()
  const { scaleOf } = useUnits()
  const online = useOnline()
  const put = usePut()
  const [busy, setBusy] = useState(false)
  const run = async (work: Promise<void>) => {
    setBusy(true)
    await work
    setBusy(false)
  }
  /** Both get the place they have in the list: packages made elsewhere may share a position. */
  const swap = (at: number, to: number) => {
    const moved = [...packages]
    const [taken] = moved.splice(at, 1)
    if (!taken) return
    moved.splice(to, 0, taken)
    const changes = moved
      .map((found, position) => ({ found, body: { position: position + 1 } }))
      .filter(({ found, body }) => found.position !== body.position)
    const own = changes.sort((a, b) => Number(b.found.id === taken.id) - Number(a.found.id === taken.id))
    void run(put('Package moved', own))
  }

  return (
    <table className="rows shop-rows packages">
      <caption className="visually-hidden">Packages in their order of display</caption>
      <thead>
        <tr>
          {mayAdminister && (
            <th scope="col">
              <span className="visually-hidden">Place</span>
            </th>
          )}
          <th scope="col">Package</th>
          <th scope="col" className="end">
            Credits
          </th>
          <th scope="col" className="end">
            Price
          </th>
          <th scope="col">Credits last</th>
          <th scope="col">On sale</th>
          {mayAdminister && (
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {packages.map((found, at) => (
          <tr key={found.id} data-inactive={!found.active || undefined}>
            {mayAdminister && (
              <td className="cell-place nowrap">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  disabled={at === 0 || busy || !online}
                  aria-label={`Move ${found.name} up`}
                  onClick={() => swap(at, at - 1)}
                >
                  <IconArrowUp size={15} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  disabled={at === packages.length - 1 || busy || !online}
                  aria-label={`Move ${found.name} down`}
                  onClick={() => swap(at, at + 1)}
                >
                  <IconArrowDown size={15} />
                </ActionIcon>
              </td>
            )}
            <td className="cell-main">
              <span className="user-names">
                <b>
                  <bdi className="two-lines">{found.name}</bdi>
                </b>
                {found.description && <bdi className="small dimmed two-lines">{found.description}</bdi>}
              </span>
            </td>
            <td className="end numeral">
              {formatAmount(found.credits, scaleOf(found.unit))} <span className="dimmed">{found.unit}</span>
            </td>
            <td className="end numeral">{formatPrice(found.price_minor, found.currency)}</td>
            <td className="dimmed" data-label="lasts">
              {found.validity_s === null ? 'for ever' : spanText(found.validity_s)}
            </td>
            <td className="labelled" data-label="on sale">
              {mayAdminister ? (
                <Switch
                  size="sm"
                  aria-label={`${found.name} is on sale`}
                  checked={found.active}
                  disabled={busy || !online}
                  onChange={(event) => {
                    const active = event.currentTarget.checked
                    const title = active ? 'Package on sale' : 'Package off sale'
                    void run(put(title, [{ found, body: { active } }]))
                  }}
                />
              ) : found.active ? (
                'yes'
              ) : (
                'no'
              )}
            </td>
            {mayAdminister && (
              <td className="cell-action">
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Edit ${found.name}`}
                  onClick={() => onEdit(found)}
                >
                  <IconPencil size={16} />
                </ActionIcon>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
