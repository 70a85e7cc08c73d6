/** Credits set aside for this user: capture what was used, or release them. */
import { Group, TextInput } from '@mantine/core'
import { IconLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { formatAmount, parseAmount, typedAmount } from '../amounts'
import { api, asProblem, type Hold } from '../api'
import { type Target, useChanges } from '../changes'
import { useSession } from '../session'
import { Ago, Due } from './Ago'
import { Card } from './Card'
import { ProblemPanel } from './ProblemPanel'
import { ReasonPopover } from './ReasonPopover'

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
  const amount = formatAmount(hold.amount, target.scale)
  return (
    <li className="item">
      <IconLock size={16} aria-hidden className="held-icon" />
      <div className="item-what">
        <b className="numeral">{amount}</b>
        <span className="dimmed">
          set aside <Ago at={hold.created_at} />, released <Due at={hold.expires_at} />
        </span>
      </div>
      {mayChange && (
        <Group gap={4}>
          <Capture hold={hold} target={target} />
          <Release hold={hold} target={target} />
        </Group>
      )}
    </li>
  )
}

function Capture({ hold, target }: { hold: Hold; target: Target }) {
  const { run } = useChanges()
  const all = typedAmount(hold.amount, target.scale)
  const [text, setText] = useState(all)
  const parsed = parseAmount(text, target.scale)
  const fits = parsed.ok && parsed.value > 0 && parsed.value <= hold.amount
  const capture = (reason: string) => {
    if (parsed.ok)
      void run(target, 'Hold captured', () =>
        api.capture(target.user, hold.hold, { amount: parsed.value, reason }),
      )
  }
  return (
    <ReasonPopover
      label="Capture"
      name={`Capture the hold of ${all}`}
      confirm="Capture"
      valid={fits}
      onConfirm={capture}
    >
      <TextInput
        label="Amount"
        description="The rest is released"
        size="sm"
        autoComplete="off"
        classNames={{ input: 'numeral' }}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={fits ? undefined : `Between 1 and ${all}`}
      />
    </ReasonPopover>
  )
}

function Release({ hold, target }: { hold: Hold; target: Target }) {
  const { run } = useChanges()
  const amount = formatAmount(hold.amount, target.scale)
  return (
    <ReasonPopover
      label="Release"
      name={`Release the hold of ${amount}`}
      confirm="Release"
      onConfirm={(reason) =>
        void run(target, 'Hold released', () => api.release(target.user, hold.hold, { reason }))
      }
    >
      <span className="hint">Gives {amount} back to the available credits.</span>
    </ReasonPopover>
  )
}
