/**
 * One campaign: its terms, how far it has come, and every code with what became of it, live.
 *
 * Codes are worth credits, so only admins see, copy and export them; an export is written down in the audit.
 */
import '../styles/shop.css'
import '../styles/vouchers.css'
import { Button, CopyButton, Skeleton, Title } from '@mantine/core'
import { IconArrowLeft, IconBan, IconCheck, IconCopy, IconDownload, IconSearch } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useState } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../amounts'
import { announce } from '../announce'
import { address, asProblem } from '../api'
import { ConfirmDialog } from '../components/ConfirmDialog'
import { Copy } from '../components/Copy'
import { Empty } from '../components/Empty'
import { ChoiceFilter, SearchFilter } from '../components/Filters'
import { ListCard } from '../components/ListCard'
import { ProblemPanel } from '../components/ProblemPanel'
import { useList } from '../list'
import { useFollow, useOnline } from '../live'
import { useReason } from '../reasons'
import { useSession } from '../session'
import { type Campaign as CampaignShape, shop, type Voucher } from '../shop'
import { spanText } from '../spans'
import { fullTime } from '../time'
import { toastFailure, toastSuccess } from '../toasts'
import { useUnits } from '../units'
import { useUrlState } from '../url'
import { Funnel } from '../vouchers/Funnel'
import { CampaignState, VOUCHER_STATES, VoucherStatus } from '../vouchers/states'

const PAGE = 100
const CHOICES = [{ value: 'all', label: 'All' }, ...VOUCHER_STATES]

export default function Campaign({ id }: { id: string }) {
  const { mayAdminister } = useSession()
  const read = useQuery({ queryKey: ['campaign', id], queryFn: ({ signal }) => shop.campaign(id, signal) })
  const { refetch } = read
  useFollow(
    'vouchers',
    useCallback(() => void refetch(), [refetch]),
  )
  const problem = read.error ? asProblem(read.error) : undefined
  const campaign = read.data
  useEffect(() => {
    document.title = `${campaign?.name ?? 'Campaign'} · livecredits`
  }, [campaign?.name])

  return (
    <>
      <Link href="/vouchers" className="back">
        <IconArrowLeft size={15} aria-hidden /> Campaigns
      </Link>
      {problem && (
        <ProblemPanel
          title={problem.status === 404 ? 'There is no such campaign' : 'The campaign could not be read'}
          problem={problem}
          retry={() => void refetch()}
        />
      )}
      {!campaign && !problem && <Skeleton height={180} radius="lg" />}
      {campaign && (
        <>
          <Head campaign={campaign} />
          <Funnel campaign={campaign} />
          {mayAdminister ? (
            <Codes campaign={campaign} />
          ) : (
            <p className="hint">The codes themselves are for admins: each is worth credits.</p>
          )}
        </>
      )}
    </>
  )
}

function Head({ campaign }: { campaign: CampaignShape }) {
  const { mayAdminister } = useSession()
  const { scaleOf } = useUnits()
  const times = (count: number | null) => (count === null ? 'any number' : formatAmount(count))
  const facts: [string, string | null][] = [
    ['Grants', `${formatAmount(campaign.credits, scaleOf(campaign.unit))} ${campaign.unit}`],
    ['Credits last', campaign.validity_s === null ? 'for ever' : spanText(campaign.validity_s)],
    ['From', campaign.starts_at && fullTime(campaign.starts_at)],
    ['Until', campaign.ends_at ? fullTime(campaign.ends_at) : 'without end'],
    ['Per code', times(campaign.max_per_code)],
    ['Per user', times(campaign.max_per_user)],
    [
      'Who',
      campaign.allowed_users === null ? 'everybody' : `${formatAmount(campaign.allowed_users)} listed users`,
    ],
    ['Label', campaign.label],
  ]
  return (
    <header className="campaign-head">
      <div className="page-head">
        <Title order={1}>
          <bdi>{campaign.name}</bdi>
        </Title>
        <CampaignState campaign={campaign} />
        {campaign.welcome && <span className="chip">Welcome</span>}
        <div className="page-actions">{mayAdminister && <RevokeRest campaign={campaign} />}</div>
      </div>
      <dl className="figures">
        {facts.map(
          ([label, value]) =>
            value && (
              <div key={label}>
                <dt>{label}</dt>
                <dd className="numeral">{value}</dd>
              </div>
            ),
        )}
      </dl>
    </header>
  )
}

function RevokeRest({ campaign }: { campaign: CampaignShape }) {
  const client = useQueryClient()
  const online = useOnline()
  const why = useReason()
  const [asking, setAsking] = useState(false)
  const revoke = async () => {
    setAsking(false)
    const reason = await why(`Revoke the codes of ${campaign.name}`)
    if (reason === null) return
    try {
      const after = await shop.revokeRest(campaign.id, reason)
      client.setQueryData(['campaign', campaign.id], after)
      const count = after.funnel.revoked - campaign.funnel.revoked
      toastSuccess('Codes revoked', `${campaign.name}: ${formatAmount(count)} codes revoked`)
    } catch (error) {
      toastFailure(asProblem(error), 'Failed to revoke the codes', campaign.name)
    } finally {
      void client.invalidateQueries({ queryKey: [`codes ${campaign.id}`] })
    }
  }
  if (campaign.state === 'revoked') return null
  return (
    <>
      <Button
        size="sm"
        variant="default"
        disabled={!online}
        leftSection={<IconBan size={16} />}
        onClick={() => setAsking(true)}
      >
        Revoke the rest
      </Button>
      {asking && (
        <ConfirmDialog
          title={`Revoke the rest of ${campaign.name}?`}
          confirm="Revoke the rest"
          onConfirm={() => void revoke()}
          onClose={() => setAsking(false)}
        >
          No code of this campaign pays any more. What was redeemed stays with the users. This cannot be
          undone.
        </ConfirmDialog>
      )}
    </>
  )
}

function Codes({ campaign }: { campaign: CampaignShape }) {
  const url = useUrlState()
  const filters = { q: url.get('q') ?? undefined, state: url.get('state') ?? undefined }
  const list = useList({
    name: `codes ${campaign.id}`,
    follows: 'vouchers',
    filters,
    size: PAGE,
    read: (asked, signal) => shop.codes(campaign.id, asked, signal),
    readOne: shop.voucher,
    idOf: ({ voucher }) => voucher,
  })
  const shown = list.page?.items ?? []
  return (
    <ListCard
      list={list}
      label="Codes"
      noun="code"
      summary={`${shown.length} of ${formatAmount(campaign.funnel.codes)} codes`}
      bar={
        <>
          <SearchFilter url={url} label="Search codes" placeholder="Code or a part of it" />
          <ChoiceFilter url={url} name="state" label="State" choices={CHOICES} usual="all" />
        </>
      }
      actions={
        <>
          <CopyAll codes={shown.map(({ code }) => code)} />
          <Button
            component="a"
            size="sm"
            variant="default"
            leftSection={<IconDownload size={16} />}
            href={address(`admin/campaigns/${campaign.id}/codes.csv`, filters)}
            download={`${campaign.id}.csv`}
          >
            CSV
          </Button>
        </>
      }
      empty={
        <Empty icon={<IconSearch size={22} />} title="No codes match">
          Type a part of the code, dashes left out or in, or choose another state.
        </Empty>
      }
    >
      {({ items }) => (
        <table className="rows shop-rows codes" aria-busy={list.isOld} data-old={list.isOld || undefined}>
          <caption className="visually-hidden">Codes of {campaign.name}</caption>
          <thead>
            <tr>
              <th scope="col">Code</th>
              <th scope="col">State</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((voucher) => (
              <CodeLine key={voucher.voucher} voucher={voucher} campaign={campaign} />
            ))}
          </tbody>
        </table>
      )}
    </ListCard>
  )
}

function CopyAll({ codes }: { codes: string[] }) {
  if (codes.length === 0) return null
  return (
    <CopyButton value={codes.join('\n')}>
      {({ copied, copy }) => (
        <Button
          size="sm"
          variant="default"
          leftSection={copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          onClick={() => {
            copy()
            announce(`${codes.length} codes copied`)
          }}
        >
          {copied ? 'Copied' : `Copy ${codes.length} shown`}
        </Button>
      )}
    </CopyButton>
  )
}

function CodeLine({ voucher, campaign }: { voucher: Voucher; campaign: CampaignShape }) {
  const client = useQueryClient()
  const online = useOnline()
  const why = useReason()
  const [busy, setBusy] = useState(false)
  const revoke = async () => {
    const reason = await why(`Revoke ${voucher.code}`)
    if (reason === null) return
    setBusy(true)
    try {
      await shop.revokeCode(campaign.id, voucher.voucher, reason)
      toastSuccess('Code revoked', `${voucher.code} is revoked`)
    } catch (error) {
      toastFailure(asProblem(error), 'Failed to revoke the code', voucher.code)
    } finally {
      setBusy(false)
      void client.invalidateQueries({ queryKey: [`codes ${campaign.id}`] })
      void client.invalidateQueries({ queryKey: ['campaign', campaign.id] })
    }
  }
  return (
    <tr data-voucher={voucher.voucher} data-state={voucher.state}>
      <td className="cell-main">
        <span className="code">
          <code>{voucher.code}</code>
          <Copy value={voucher.code} name={voucher.code} />
        </span>
      </td>
      <td>
        <VoucherStatus voucher={voucher} />
      </td>
      <td className="cell-action">
        {(voucher.state === 'open' || voucher.state === 'upcoming') && (
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            className="quiet"
            disabled={!online}
            loading={busy}
            leftSection={<IconBan size={13} />}
            aria-label={`Revoke ${voucher.code}`}
            onClick={() => void revoke()}
          >
            Revoke
          </Button>
        )}
      </td>
    </tr>
  )
}
