/**
 * Overview: the installation at a glance. The console opens here.
 *
 * Live: when lists move on the server the figures are read again, at most once a second, and every ten seconds for
 * what moves without a list (screens come and go). Today is the reader's own day.
 */
import '../styles/overview.css'
import { NativeSelect, Skeleton } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { type ReactNode, useCallback, useEffect, useRef } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../amounts'
import { asProblem } from '../api'
import { Figure } from '../components/Figure'
import { PageHead } from '../components/PageHead'
import { ProblemPanel } from '../components/ProblemPanel'
import { installation, type Stats, type UnitStats } from '../installation'
import { useFollow } from '../live'
import { FailuresCard } from '../overview/FailuresCard'
import { FlowChart } from '../overview/FlowChart'
import { dayStart } from '../overview/figures'
import { NextSteps } from '../overview/NextSteps'
import { NodesCard } from '../overview/NodesCard'
import { PaintedCard } from '../overview/PaintedCard'
import { useUrlState } from '../url'

const AGAIN_MS = 10_000
const COUNTING_AGAIN_MS = 1000
const GAP_MS = 1000

export default function Overview() {
  const url = useUrlState()
  const read = useQuery({
    queryKey: ['stats'],
    queryFn: ({ signal }) => installation.stats(dayStart(), signal),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.complete === false ? COUNTING_AGAIN_MS : AGAIN_MS),
  })
  const again = useSeldom(useCallback(() => void read.refetch(), [read.refetch]))
  useFollow('history', again)
  useFollow('orders', again)
  useFollow('users', again)
  const problem = read.error ? asProblem(read.error) : undefined
  const stats = read.data
  const unit = stats?.units.find((each) => each.unit === url.get('unit')) ?? stats?.units[0]

  return (
    <>
      <PageHead title="Overview">
        {stats && unit && stats.units.length > 1 && (
          <NativeSelect
            aria-label="Unit"
            size="sm"
            w={150}
            data={stats.units.map((each) => each.unit)}
            value={unit.unit}
            onChange={(event) => url.patch({ unit: event.currentTarget.value })}
          />
        )}
      </PageHead>
      {problem && (
        <section className="card overview-problem" aria-label="Problem">
          <ProblemPanel
            title="The figures could not be read"
            problem={problem}
            retry={() => void read.refetch()}
          />
        </section>
      )}
      {!stats && !problem && <Skeletons />}
      {stats && unit && (
        <div className="overview">
          {stats.users === 0 && <NextSteps stats={stats} />}
          <Tiles stats={stats} unit={unit} />
          {!stats.complete && (
            <p className="counting">
              The entries of the last day are still being counted; figures will grow.
            </p>
          )}
          <FlowChart stats={unit} />
          <div className="overview-pair">
            <PaintedCard painted={stats.painted} />
            <FailuresCard failures={stats.failures} nodes={stats.nodes.asked} />
          </div>
          {stats.nodes.answered < stats.nodes.asked && (
            <p className="counting">
              {plain.format(stats.nodes.answered)} of {plain.format(stats.nodes.asked)} nodes answered: live
              screens, painted times and failures are theirs.
            </p>
          )}
          <NodesCard />
        </div>
      )}
    </>
  )
}

/** Calls at once and then at most once in `GAP_MS`; what came meanwhile is one call. */
function useSeldom(call: () => void): () => void {
  const state = useRef<{ at: number; timer: ReturnType<typeof setTimeout> | undefined }>({
    at: 0,
    timer: undefined,
  })
  useEffect(() => () => clearTimeout(state.current.timer), [])
  return useCallback(() => {
    const mine = state.current
    if (mine.timer !== undefined) return
    const wait = Math.max(0, mine.at + GAP_MS - Date.now())
    mine.timer = setTimeout(() => {
      mine.timer = undefined
      mine.at = Date.now()
      call()
    }, wait)
  }, [call])
}

const plain = new Intl.NumberFormat()

function Tiles({ stats, unit }: { stats: Stats; unit: UnitStats }) {
  const amount = (value: number) => formatAmount(value, unit.scale)
  const also = [
    unit.expired_today > 0 && `${amount(unit.expired_today)} expired`,
    unit.taken_today > 0 && `${amount(unit.taken_today)} taken back`,
  ].filter(Boolean)
  return (
    <ul className="tiles" aria-label="At a glance">
      <Tile
        name="Outstanding"
        value={amount(unit.outstanding)}
        note={unit.held > 0 ? `${unit.unit}, and ${amount(unit.held)} held` : unit.unit}
        href="/users"
      />
      <Tile
        name="Granted today"
        value={amount(unit.granted_today)}
        note={unit.reversed_today > 0 ? `and ${amount(unit.reversed_today)} given back` : unit.unit}
      />
      <Tile
        name="Spent today"
        value={amount(unit.spent_today)}
        note={also.length > 0 ? `and ${also.join(', ')}` : unit.unit}
      />
      <Tile
        name="Open orders"
        value={plain.format(stats.orders.pending)}
        note={stats.orders.pending > 0 ? 'wait to be fulfilled' : 'none waits'}
        href="/orders"
      />
      <Tile
        name="Live screens"
        value={plain.format(stats.screens.open)}
        note={`of ${stats.screens.users_exact ? '' : 'about '}${plain.format(stats.screens.users)} ${stats.screens.users === 1 ? 'user' : 'users'}`}
      />
      <Tile name="Users" value={plain.format(stats.users)} note="with an account" href="/users" />
    </ul>
  )
}

function Tile({ name, value, note, href }: { name: string; value: string; note: ReactNode; href?: string }) {
  return (
    <li className="tile">
      {href ? (
        <Link href={href} className="tile-name text-link">
          {name}
        </Link>
      ) : (
        <span className="tile-name">{name}</span>
      )}
      <Figure className="tile-value numeral" text={value} />
      <span className="tile-note">{note}</span>
    </li>
  )
}

function Skeletons() {
  return (
    <div className="tiles" aria-hidden>
      {[0, 1, 2, 3, 4, 5].map((at) => (
        <div className="tile" key={at}>
          <Skeleton height={10} width="60%" />
          <Skeleton height={22} width="45%" my={8} />
          <Skeleton height={10} width="70%" />
        </div>
      ))}
    </div>
  )
}
