/** Credits set aside for this user: capture what was used, or release them. */
import { Button, Group } from '@mantine/core'
import { IconLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { formatAmount } from '../amounts'
import { api, asProblem, type Hold } from '../api'
import { type Target, useChanges } from '../changes'
import { useOnline } from '../live'
import { useSession } from '../session'
import { Ago } from './Ago'
import { Card } from './Card'
import { ProblemPanel } from './ProblemPanel'

export function Holds({ target }: { target: Target }) {
  const read = useQuery({
    queryKey: ['holds', target.user, target.unit],
    queryFn: ({ signal }) => api.holds(target.user, { unit: target.unit, state: 'open' }, signal),
  })
  const problem = read.error ? asProblem(read.error) : undefined
  const holds = read.data?.items ?? []
  return (
    <Card title="Holds" count={read.data ? holds.length : undefined}>
      {problem && (
        <ProblemPanel
          title="The holds could not be read"
          problem={problem}
          retry={() => void read.refetch()}
        />
      )}
      {read.data && holds.length === 0 && <p className="nothing">Nothing is set aside.</p>}
      <ul className="items">
        {holds.map((hold) => (
          <HoldItem key={hold.hold} hold={hold} target={target} />
        ))}
      </ul>
    </Card>
  )
}

function HoldItem({ hold, target }: { hold: Hold; target: Target }) {
  const { mayChange } = useSession()
  const { run } = useChanges()
  const online = useOnline()
  const reason = 'Closed in the console'
  return (
    <li className="item">
      <IconLock size={16} aria-hidden className="held-icon" />
      <div className="item-what">
        <b className="numeral">{formatAmount(hold.amount, target.scale)}</b>
        <span className="dimmed">
          set aside <Ago at={hold.created_at} />, released <Ago at={hold.expires_at} />
        </span>
      </div>
      {mayChange && (
        <Group gap={4}>
          <Button
            size="compact-xs"
            variant="default"
            disabled={!online}
            aria-label={`Capture the hold of ${formatAmount(hold.amount, target.scale)}`}
            onClick={() =>
              void run(target, 'Hold captured', () => api.capture(target.user, hold.hold, { reason }))
            }
          >
            Capture
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            disabled={!online}
            aria-label={`Release the hold of ${formatAmount(hold.amount, target.scale)}`}
            onClick={() =>
              void run(target, 'Hold released', () => api.release(target.user, hold.hold, { reason }))
            }
          >
            Release
          </Button>
        </Group>
      )}
    </li>
  )
}
