/** How far a campaign has come: codes → redeemed codes → redemptions → credits. Bars and figures together. */
import { counted, formatAmount } from '../amounts'
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
  // One word for everybody: it is redeemed from the first time on, so a share says nothing.
  const isWord = campaign.word !== null
  if (brief && isWord) {
    return <span className="small numeral">{counted(funnel.redemptions, 'redemption')}</span>
  }
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
  const figures: [string, string, string | undefined][] = [
    ['Codes', formatAmount(funnel.codes), undefined],
    ['Redeemed codes', formatAmount(funnel.redeemed_codes), isWord ? undefined : percent],
    ['Redemptions', formatAmount(funnel.redemptions), undefined],
    [`Granted ${campaign.unit}`, credits, undefined],
    ['Revoked', formatAmount(funnel.revoked), undefined],
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
      {!isWord && bar}
    </section>
  )
}
