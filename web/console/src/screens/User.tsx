/**
 * One user: the live balance, everything that led to it, what is set aside, and where it is shown right now.
 *
 * The balance is pushed; the lists beside it are read again whenever its version moves, so no list on this
 * page is older than the number above it.
 */
import { SegmentedControl, Skeleton, Title } from '@mantine/core'
import { IconArrowLeft, IconCheck, IconCopy, IconSnowflake } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useRef } from 'react'
import { Link } from 'wouter'
import { formatAmount } from '../amounts'
import { api, asProblem, type UserDetail } from '../api'
import { type ShownBalance, useBalance } from '../balances'
import { isolated } from '../bidi'
import { refreshReads, type Target } from '../changes'
import { useCopy } from '../clipboard'
import { ActionPanel } from '../components/ActionPanel'
import { Due } from '../components/Ago'
import { Figure } from '../components/Figure'
import { Holds } from '../components/Holds'
import { Lots } from '../components/Lots'
import { LowBadge } from '../components/LowBadge'
import { ProblemPanel } from '../components/ProblemPanel'
import { Profile } from '../components/Profile'
import { Screens } from '../components/Screens'
import { Timeline } from '../components/Timeline'
import { useSession } from '../session'
import { chosenUnit, useUnits } from '../units'
import { useUrlState } from '../url'

const UserOrders = lazy(() => import('../orders/UserOrders'))
const BalanceChart = lazy(() => import('../chart/BalanceChart'))
const UserVouchers = lazy(() => import('../vouchers/UserVouchers'))

export default function User({ id }: { id: string }) {
  const url = useUrlState()
  const { units, scaleOf } = useUnits()
  const unit = chosenUnit(units, url.get('unit'))
  const read = useQuery({
    queryKey: ['user', id, unit],
    queryFn: ({ signal }) => api.user(id, unit, signal),
  })
  const problem = read.error ? asProblem(read.error) : undefined

  useEffect(() => {
    document.title = `${read.data?.name ?? id} · livecredits`
  }, [read.data?.name, id])

  return (
    <>
      <Link href="/users" className="back">
        <IconArrowLeft size={15} aria-hidden /> Users
      </Link>
      {problem && (
        <ProblemPanel
          title={problem.status === 404 ? `There is no user “${isolated(id)}”` : 'The user could not be read'}
          problem={problem}
          retry={() => void read.refetch()}
        />
      )}
      {!read.data && !problem && <UserSkeleton />}
      {read.data && (
        <UserPage
          key={`${id} ${unit}`}
          user={read.data}
          unit={unit}
          units={units.map(({ name }) => name)}
          scale={scaleOf(unit)}
          onUnit={(name) => url.patch({ unit: name, kind: null })}
        />
      )}
    </>
  )
}

interface PageProps {
  user: UserDetail
  unit: string
  units: string[]
  scale: number
  onUnit: (unit: string) => void
}

function UserPage({ user, unit, units, scale, onUnit }: PageProps) {
  const { mayChange, mayAdminister } = useSession()
  const balance = useBalance(user.user_id, unit, user)
  useReadsFollow(user.user_id, balance.version)
  const target: Target = {
    user: user.user_id,
    name: isolated(user.name ?? user.user_id),
    unit,
    scale,
    credits: balance.confirmed,
    version: balance.version,
  }
  return (
    <>
      <header className="user-head">
        <div className="user-title">
          <Title order={1}>
            <bdi>{user.name ?? user.user_id}</bdi>
          </Title>
          <div className="user-facts">
            <CopyId id={user.user_id} />
            {user.email && <span>{user.email}</span>}
            {user.frozen && (
              <span className="chip frozen">
                <IconSnowflake size={12} aria-hidden /> Frozen
              </span>
            )}
            {(balance.low ?? user.low) && <LowBadge />}
            {user.floor !== 0 && (
              <span className="chip">
                {user.floor === null ? 'No floor' : `Floor ${formatAmount(user.floor, scale)}`}
              </span>
            )}
          </div>
        </div>
        {units.length > 1 && (
          <SegmentedControl aria-label="Unit" size="sm" value={unit} data={units} onChange={onUnit} />
        )}
      </header>
      <div className="user-grid">
        <div className="user-side">
          <BalanceCard balance={balance} scale={scale} unit={unit} />
          {mayChange && <ActionPanel target={target} frozen={user.frozen} />}
          <Screens user={user.user_id} unit={unit} version={balance.version} />
        </div>
        <div className="user-main">
          <Suspense fallback={<Skeleton height={300} radius="lg" />}>
            <BalanceChart target={target} />
          </Suspense>
          <Timeline target={target} version={balance.version} />
        </div>
        <div className="user-side">
          <Suspense>
            <UserOrders user={user.user_id} />
            <UserVouchers user={user.user_id} />
          </Suspense>
          <Holds target={target} />
          <Lots lots={user.lots} scale={scale} />
          <Profile
            key={JSON.stringify([user.name, user.email, user.low_threshold])}
            user={user}
            scale={scale}
            mayAdminister={mayAdminister}
          />
        </div>
      </div>
    </>
  )
}

/** Reads the lists of this page again when the pushed version moved. */
function useReadsFollow(user: string, version: number): void {
  const client = useQueryClient()
  const seen = useRef(version)
  useEffect(() => {
    if (seen.current === version) return
    seen.current = version
    refreshReads(client, user)
  }, [client, user, version])
}

function BalanceCard({ balance, scale, unit }: { balance: ShownBalance; scale: number; unit: string }) {
  const { layer, flashes, nextExpiry } = balance
  return (
    <section className="card balance-card" aria-label="Balance" data-phase={layer?.phase}>
      <span className="card-label">Available {unit}</span>
      <Figure
        className="numeral big-number"
        key={flashes}
        data-flash={flashes > 0 || undefined}
        data-testid="balance"
        text={formatAmount(balance.credits, scale)}
      />
      <dl className="facts">
        <div>
          <dt>Settled</dt>
          <dd className="numeral">{formatAmount(balance.confirmed + balance.held, scale)}</dd>
        </div>
        <div>
          <dt>Held</dt>
          <dd className="numeral">{formatAmount(balance.held, scale)}</dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd className="numeral">
            {balance.version}
            {layer?.phase === 'confirmed' && (
              <IconCheck size={14} stroke={2.6} className="added-mark" role="img" aria-label="Confirmed" />
            )}
          </dd>
        </div>
      </dl>
      {layer?.phase === 'refused' && <p className="refusal">{layer.problem?.detail ?? 'Not changed'}</p>}
      {nextExpiry && (
        <p className="next-expiry">
          {formatAmount(nextExpiry.amount, scale)} expire <Due at={nextExpiry.at} />
        </p>
      )}
    </section>
  )
}

function CopyId({ id }: { id: string }) {
  const { copied, copy } = useCopy(id)
  return (
    <button type="button" className="copy-id" onClick={copy} title="Copy the user id">
      <code dir="auto">{id}</code>
      {copied ? <IconCheck size={13} aria-label="Copied" /> : <IconCopy size={13} aria-label="Copy" />}
    </button>
  )
}

function UserSkeleton() {
  return (
    <div aria-hidden>
      <Skeleton height={26} width={220} mb="xs" />
      <Skeleton height={14} width={320} mb="lg" />
      <div className="user-grid">
        <div className="user-side">
          <Skeleton height={150} radius="lg" />
          <Skeleton height={260} radius="lg" />
        </div>
        <div className="user-main">
          <Skeleton height={460} radius="lg" />
        </div>
        <div className="user-side">
          <Skeleton height={150} radius="lg" />
        </div>
      </div>
    </div>
  )
}
