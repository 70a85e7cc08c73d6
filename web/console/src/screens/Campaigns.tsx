/** Campaigns: every one with how far it has come, live; and where new ones are made. */
import '../styles/shop.css'
import '../styles/vouchers.css'
import { Button } from '@mantine/core'
import { IconPlus, IconTicket } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import { Link, useLocation } from 'wouter'
import { formatAmount } from '../amounts'
import { Ago, Due } from '../components/Ago'
import { Empty } from '../components/Empty'
import { ListCard } from '../components/ListCard'
import { PageHead } from '../components/PageHead'
import { SkeletonRows } from '../components/SkeletonRows'
import { Tabs } from '../components/Tabs'
import { useList } from '../list'
import { useOnline } from '../live'
import { useSession } from '../session'
import { type Campaign, shop } from '../shop'
import { useUnits } from '../units'
import { useUrlState } from '../url'
import { Funnel } from '../vouchers/Funnel'
import { CampaignState } from '../vouchers/states'
import { VOUCHER_TABS } from './tabs'

const CampaignForm = lazy(() => import('../vouchers/CampaignForm'))

const PAGE = 50

export default function Campaigns() {
  const url = useUrlState()
  const [, go] = useLocation()
  const { mayAdminister } = useSession()
  const online = useOnline()
  const adding = url.get('new') !== null
  const add = () => url.patch({ new: 'yes' })
  const list = useList({
    name: 'campaigns',
    follows: 'vouchers',
    size: PAGE,
    read: shop.campaigns,
    idOf: ({ id }) => id,
  })

  return (
    <>
      <PageHead title="Vouchers">
        {mayAdminister && (
          <Button size="sm" disabled={!online} leftSection={<IconPlus size={16} />} onClick={add}>
            New campaign
          </Button>
        )}
      </PageHead>
      <Tabs label="Vouchers" tabs={VOUCHER_TABS} />
      <ListCard
        list={list}
        label="Campaigns"
        noun="campaign"
        newestFirst
        skeleton={<SkeletonRows count={5} />}
        empty={<NoCampaigns onAdd={mayAdminister ? add : undefined} />}
      >
        {({ items }) => <CampaignsTable campaigns={items} isOld={list.isOld} />}
      </ListCard>
      <Suspense>
        {adding && mayAdminister && (
          <CampaignForm
            onClose={() => url.patch({ new: null }, { replace: true })}
            onMade={(made) => go(`/vouchers/campaigns/${made.id}`, { replace: true })}
          />
        )}
      </Suspense>
    </>
  )
}

function NoCampaigns({ onAdd }: { onAdd: (() => void) | undefined }) {
  return (
    <Empty
      icon={<IconTicket size={22} />}
      title="No campaigns yet"
      action={
        onAdd && (
          <Button size="sm" leftSection={<IconPlus size={16} />} onClick={onAdd}>
            Make the first campaign
          </Button>
        )
      }
    >
      A campaign makes codes that users redeem for credits: thousands of them, or one word like WELCOME10.
    </Empty>
  )
}

function CampaignsTable({ campaigns, isOld }: { campaigns: Campaign[]; isOld: boolean }) {
  const { scaleOf } = useUnits()
  return (
    <table className="rows shop-rows campaigns" aria-busy={isOld} data-old={isOld || undefined}>
      <caption className="visually-hidden">Campaigns, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Campaign</th>
          <th scope="col" className="end">
            Credits
          </th>
          <th scope="col">Redeemed</th>
          <th scope="col">State</th>
          <th scope="col">Made</th>
        </tr>
      </thead>
      <tbody>
        {campaigns.map((campaign) => (
          <tr key={campaign.id}>
            <td className="cell-main">
              <span className="user-names">
                <span className="user-name">
                  <Link href={`/vouchers/campaigns/${campaign.id}`} className="row-link">
                    <bdi>{campaign.name}</bdi>
                  </Link>
                  {campaign.welcome && <span className="chip">Welcome</span>}
                </span>
                <span className="user-below">{campaign.word ?? `${campaign.prefix ?? 'no prefix'}`}</span>
              </span>
            </td>
            <td className="end numeral">
              {formatAmount(campaign.credits, scaleOf(campaign.unit))}{' '}
              <span className="dimmed">{campaign.unit}</span>
            </td>
            <td>
              <Funnel campaign={campaign} brief />
            </td>
            <td>
              <span className="user-names">
                <CampaignState campaign={campaign} />
                <Window campaign={campaign} />
              </span>
            </td>
            <td className="dimmed nowrap" data-label="made">
              <Ago at={campaign.created_at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Window({ campaign }: { campaign: Campaign }) {
  const at = campaign.state === 'upcoming' ? campaign.starts_at : campaign.ends_at
  if (!at || campaign.state === 'revoked') return null
  const word = campaign.state === 'upcoming' ? 'begins' : campaign.state === 'ended' ? 'ended' : 'ends'
  return (
    <span className="small dimmed">
      {word} <Due at={at} />
    </span>
  )
}
