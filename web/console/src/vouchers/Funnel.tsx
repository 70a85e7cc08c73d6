/** How far a campaign has come: codes → redeemed codes → redemptions → credits. Bars and figures together. */
import { formatAmount } from '../amounts'
import type { Campaign } from '../shop'
import { useUnits } from '../units'

export function Funnel({ campaign, brief = false }: { campaign: Campaign; brief?: boolean }) {
  const { scaleOf } = useUnits()
  const { funnel } = campaign
  const share = funnel.codes > 0 ? (funnel.redeemed_codes / funnel.codes) * 100 : 0
  const revoked = funnel.codes > 0 ? (funnel.revoked / funnel.codes) * 100 : 0
  const percent = `${share > 0 && share < 1 ? '<1' : Math.round(share)} %`
  const bar = (
    <span className="funnel-bar" aria-hidden>
      <span style={{ width: `${share}%` }} className="funnel-redeemed" />
      <span style={{ width: `${revoked}%` }} className="funnel-revoked" />
    </span>
  )
  if (brief) {
    return (
      <span className="funnel-brief">
        {bar}
        <span className="small numeral">
          {formatAmount(funnel.redeemed_codes)} of {formatAmount(funnel.codes)}{' '}
          {funnel.codes === 1 ? 'code' : 'codes'} · {percent}
        </span>
      </span>
    )
  }
  const credits = formatAmount(funnel.credits_granted, scaleOf(campaign.unit))
  const figures: [string, string, string?][] = [
    ['Codes', formatAmount(funnel.codes)],
    ['Redeemed codes', formatAmount(funnel.redeemed_codes), percent],
    ['Redemptions', formatAmount(funnel.redemptions)],
    [`Granted ${campaign.unit}`, credits],
    ['Revoked', formatAmount(funnel.revoked)],
  ]
  return (
    <section className="card funnel" aria-label="Redemptions">
      <dl className="figures big">
        {figures.map(([label, value, more]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd className="numeral">
              {value}
              {more && <span className="dimmed small"> {more}</span>}
            </dd>
          </div>
        ))}
      </dl>
      {bar}
    </section>
  )
}
