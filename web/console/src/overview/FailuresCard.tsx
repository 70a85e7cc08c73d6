/** What went wrong on the nodes, on each since it started; nothing is shown that is not really counted. */
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react'
import { Ago } from '../components/Ago'
import { Card } from '../components/Card'
import type { Failures } from '../installation'

const count = new Intl.NumberFormat()

/** Reasons to end a connection that are nobody's failure. */
const ORDINARY = new Set(['restarting', 'token_expired', 'token_revoked'])
const WORDS: Record<string, string> = {
  no_answer: 'no sign of life',
  overloaded: 'server overloaded',
  internal: 'server failed',
  too_fast: 'too many frames',
  token_invalid: 'bad token',
  auth_timeout: 'no token in time',
  malformed_frame: 'malformed frame',
  forbidden: 'not allowed',
  too_many_screens: 'too many screens',
  origin_not_allowed: 'foreign origin',
  protocol_error: 'protocol error',
}

export function FailuresCard({ failures, nodes }: { failures: Failures; nodes: number }) {
  const closed = Object.entries(failures.closed).filter(([name]) => !ORDINARY.has(name))
  const rows: [string, number][] = [
    ['Answers with a server error', failures.errors],
    ['Live states that did not fit the ledger', failures.alarms],
    ['Requests sent away for being too many', failures.limited],
    ...closed.map(([name, times]): [string, number] => [`Screens ended: ${WORDS[name] ?? name}`, times]),
    ['Changes refused by the ledger’s rules', failures.refused],
  ]
  const shown = rows.filter(([, times]) => times > 0)
  return (
    <Card title="Failures">
      <div className="card-body">
        {failures.storage !== null && (
          <p className="failing">
            <IconAlertTriangle size={17} aria-hidden />
            Nothing is written any more: {failures.storage}
          </p>
        )}
        {shown.length === 0 && failures.storage === null && (
          <p className="nothing-here fine">
            <IconCircleCheck size={17} aria-hidden /> Nothing has failed.
          </p>
        )}
        <dl className="failures">
          {shown.map(([label, times]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd className="numeral">{count.format(times)}</dd>
            </div>
          ))}
        </dl>
        <p className="hint">
          {nodes > 1 ? (
            <>Counted by each node since it started; the first did </>
          ) : (
            <>Counted since the node started, </>
          )}
          <Ago at={failures.since} />.
        </p>
      </div>
    </Card>
  )
}
