/**
 * The vouchers that the current user has redeemed, and those that wait for the user, as a host app reads them for itself:
 * written on the nine names of the credit context alone. `registerVoucherRefresh` calls whenever they moved, in every tab.
 */

import { type CreditContextType, useCredits } from 'livecredits/react'
import { useCallback, useEffect, useState } from 'react'
import { momentText } from './amounts'
import { useSession } from './session'

interface HostVoucher {
  readonly voucher: string
  readonly entry: string | null
  readonly code: string
  readonly label: string | null
  readonly redeemed_at: string | null
}

const SHOWN = 5

export function VoucherList() {
  const { registerVoucherRefresh, refreshVouchers, refreshUserCredits }: CreditContextType = useCredits()
  const { user, read } = useSession()
  const [vouchers, setVouchers] = useState<readonly HostVoucher[] | null>(null)

  const fetchVouchers = useCallback(async () => {
    const { data } = await read<{ items: HostVoucher[] }>(`/credits/vouchers?limit=${SHOWN}`)
    if (data !== null) setVouchers(data.items)
  }, [read])

  useEffect(() => {
    fetchVouchers()
    const unregister = registerVoucherRefresh(fetchVouchers)

    return unregister
  }, [registerVoucherRefresh, fetchVouchers])

  const readAgain = async () => {
    refreshVouchers()
    await refreshUserCredits(user)
  }

  return (
    <section className="list" aria-labelledby="latest-title">
      <h2 id="latest-title">Latest vouchers</h2>
      {vouchers === null && <p className="quiet">Reading your vouchers…</p>}
      {vouchers?.length === 0 && (
        <p className="quiet">
          None yet. <a href="#/vouchers">Redeem a code</a>
        </p>
      )}
      <ul className="rows">
        {vouchers?.map((voucher) => (
          <li className="card row" key={voucher.entry ?? voucher.voucher} data-testid="latest-voucher">
            <div className="row-what">
              <strong>{voucher.label ?? 'Voucher'}</strong>
              <span className="quiet code-text">{voucher.code}</span>
            </div>
            {voucher.redeemed_at === null ? (
              <a className="row-state" href="#/vouchers">
                Waits for you
              </a>
            ) : (
              <time className="quiet row-state" dateTime={voucher.redeemed_at}>
                {momentText(voucher.redeemed_at)}
              </time>
            )}
          </li>
        ))}
      </ul>
      <button type="button" className="secondary" onClick={readAgain}>
        Read everything again
      </button>
    </section>
  )
}
