/** What this process's environment decides, to be read and not changed here; and the processes that serve. */
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import { type Facts, installation } from '../installation'

export function FactsCard({ facts }: { facts: Facts }) {
  const nodes = useQuery({ queryKey: ['nodes'], queryFn: ({ signal }) => installation.nodes(signal) })
  const list = (values: string[], none: string) => (values.length > 0 ? values.join(', ') : none)
  const rows: [string, ReactNode][] = [
    ['Version', facts.version],
    ['Mode', facts.mode],
    ['Database', facts.database],
    ['Other origins that are let in', list(facts.allowed_origins, 'none')],
    ['Proxies that are believed', list(facts.trusted_proxies, 'none')],
    ['Changes need a reason', facts.require_reason ? 'yes' : 'no; the console asks all the same'],
    ['Operators stay signed in for', hours(facts.session_ttl_s)],
    ['Screen tokens last at most', hours(facts.token_ttl_most_s)],
    ['Identity provider', facts.identity_provider ?? 'none; your backend mints the tokens'],
    ['Heartbeat of live screens', `${facts.heartbeat_s} s`],
    ['Screens of one user', `at most ${facts.screens_per_user}`],
    [
      'Idempotency keys are kept',
      facts.idempotency_keep_days === null ? 'for ever' : `${facts.idempotency_keep_days} days`,
    ],
  ]
  return (
    <Card title="This installation">
      <dl className="pairs">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {nodes.data?.items.map((node) => (
          <div key={node.node}>
            <dt>Node{node.is_this ? ' (this one)' : ''}</dt>
            <dd>
              {node.node}, {node.version}, started <Ago at={node.started_at} />, {node.screens}{' '}
              {node.screens === 1 ? 'connection' : 'connections'}
              {!node.is_this && `, ${node.lag_ms} ms behind`}
            </dd>
          </div>
        ))}
      </dl>
      <p className="hint settings-hint">
        Set in the environment of the process (LIVECREDITS_…) and read at its start.
      </p>
    </Card>
  )
}

function hours(seconds: number): string {
  if (seconds % 3600 !== 0) return `${Math.round(seconds / 60)} minutes`
  return seconds === 3600 ? '1 hour' : `${seconds / 3600} hours`
}
