/** What a user has redeemed, and the vouchers that are for this user alone. */
import '../styles/shop.css'
import { IconTicket } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Ago } from '../components/Ago'
import { Amount } from '../components/Amount'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { useFollow } from '../live'
import { shop } from '../shop'
import { useUnits } from '../units'

const SHOWN = 10

export default function UserVouchers({ user }: { user: string }) {
  const { scaleOf } = useUnits()
  const read = useQuery({
    queryKey: ['user-vouchers', user],
    queryFn: async ({ signal }) => {
      const [redeemed, own] = await Promise.all([
        shop.redemptions(user, { limit: SHOWN }, signal),
        shop.vouchers({ user, state: 'open', limit: SHOWN }, signal),
      ])
      return { redeemed: redeemed.items, waiting: own.items.filter((each) => each.user_id === user) }
    },
  })
  const { refetch, data } = read
  useFollow(
    'vouchers',
    useCallback(() => void refetch(), [refetch]),
  )
  const problem = read.error ? asProblem(read.error) : undefined
  const count = data ? data.redeemed.length + data.waiting.length : undefined
  return (
    <Card title="Vouchers" count={count}>
      {problem && (
        <ProblemPanel title="The vouchers could not be read" problem={problem} retry={() => void refetch()} />
      )}
      {count === 0 && <p className="nothing">Nothing was redeemed, and no voucher waits for this user.</p>}
      <ul className="items">
        {data?.waiting.map((voucher) => (
          <li className="item" key={voucher.voucher}>
            <IconTicket size={16} aria-hidden className="dimmed" />
            <div className="item-what">
              <code>{voucher.code}</code>
              <span className="dimmed">waits to be redeemed</span>
            </div>
            <span className="numeral">{formatAmount(voucher.amount, scaleOf(voucher.unit))}</span>
          </li>
        ))}
        {data?.redeemed.map((each) => (
          <li className="item" key={each.entry}>
            <div className="item-what">
              {each.campaign ? (
                <Link href={`/vouchers/campaigns/${each.campaign}`} className="row-link">
                  {each.label ?? each.code}
                </Link>
              ) : (
                <span>{each.label ?? each.code}</span>
              )}
              <span className="dimmed">
                {each.welcome ? 'welcome' : 'redeemed'} <Ago at={each.redeemed_at} />
              </span>
            </div>
            <Amount value={each.amount} scale={scaleOf(each.unit)} />
          </li>
        ))}
      </ul>
    </Card>
  )
}
