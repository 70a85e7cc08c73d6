/** The lots a balance is made of, in the order in which they burn, with what is left and until when. */
import { Progress } from '@mantine/core'
import { formatAmount } from '../amounts'
import type { Lot } from '../api'
import { Due } from './Ago'
import { Card } from './Card'

export function Lots({ lots, scale }: { lots: Lot[]; scale: number }) {
  return (
    <Card title="Lots and expiries" count={lots.length}>
      {lots.length === 0 && (
        <p className="nothing">No lots: granted credits would stand here with their expiry.</p>
      )}
      <ul className="items">
        {lots.map((lot) => (
          <li className="item" key={lot.lot}>
            <div className="item-what wide">
              <span className="lot-line">
                <b className="numeral">
                  {formatAmount(lot.remaining, scale)}
                  <span className="dimmed"> of {formatAmount(lot.amount, scale)}</span>
                </b>
                <span className="dimmed">
                  {lot.expires_at ? (
                    <>
                      {Date.parse(lot.expires_at) > Date.now() ? 'expires' : 'expired'}{' '}
                      <Due at={lot.expires_at} />
                    </>
                  ) : (
                    'never expires'
                  )}
                </span>
              </span>
              <Progress
                size={4}
                value={lot.amount > 0 ? (lot.remaining / lot.amount) * 100 : 0}
                aria-label={`${formatAmount(lot.remaining, scale)} of ${formatAmount(lot.amount, scale)} left`}
              />
              {(lot.source || lot.earmarked > 0) && (
                <span className="dimmed">
                  {[lot.source, lot.earmarked > 0 && `${formatAmount(lot.earmarked, scale)} held`]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
              )}
            </div>
          </li>
        ))}
      </ul>
    </Card>
  )
}
