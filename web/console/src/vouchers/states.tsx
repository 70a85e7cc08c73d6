/** Where a code and a campaign stand: icon and word. */
import {
  IconBan,
  IconCalendarTime,
  IconCircleCheck,
  IconClockX,
  IconPlayerPlay,
  IconTicket,
} from '@tabler/icons-react'
import { Ago } from '../components/Ago'
import type { Campaign, Voucher, VoucherState } from '../shop'

export const VOUCHER_STATES: { value: VoucherState; label: string; icon: typeof IconTicket }[] = [
  { value: 'upcoming', label: 'Upcoming', icon: IconCalendarTime },
  { value: 'open', label: 'Open', icon: IconTicket },
  { value: 'used', label: 'Used', icon: IconCircleCheck },
  { value: 'expired', label: 'Expired', icon: IconClockX },
  { value: 'revoked', label: 'Revoked', icon: IconBan },
]

/** The state of one code, who redeemed it last, and how often where that can be more than once. */
export function VoucherStatus({ voucher }: { voucher: Voucher }) {
  const look = VOUCHER_STATES.find(({ value }) => value === voucher.state)
  const Icon = look?.icon ?? IconTicket
  const many = voucher.max_redemptions !== 1
  return (
    <span className="user-names">
      <span className="state-chip" data-state={voucher.state}>
        <Icon size={14} aria-hidden />
        {look?.label ?? voucher.state}
        {many && voucher.redemptions > 0 && <span className="numeral"> · {voucher.redemptions}×</span>}
      </span>
      {voucher.redeemed_at && (
        <span className="small dimmed">
          {voucher.redeemed_by && `${voucher.redeemed_by}, `}
          <Ago at={voucher.redeemed_at} />
        </span>
      )}
    </span>
  )
}

const CAMPAIGN_STATES = {
  upcoming: { label: 'Upcoming', icon: IconCalendarTime },
  running: { label: 'Running', icon: IconPlayerPlay },
  used_up: { label: 'Used up', icon: IconCircleCheck },
  ended: { label: 'Ended', icon: IconClockX },
  revoked: { label: 'Revoked', icon: IconBan },
} satisfies Record<Campaign['state'], { label: string; icon: typeof IconTicket }>

export function CampaignState({ campaign }: { campaign: Campaign }) {
  // A console that was loaded before the server was upgraded may meet a state that it does not know.
  const look: { label: string; icon: typeof IconTicket } | undefined = CAMPAIGN_STATES[campaign.state]
  const Icon = look?.icon ?? IconTicket
  return (
    <span className="state-chip" data-state={campaign.state}>
      <Icon size={14} aria-hidden />
      {look?.label ?? campaign.state}
    </span>
  )
}
