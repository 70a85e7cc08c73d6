/** A fresh installation: what to do first, in order, and what of it is done. */
import { IconCircle, IconCircleCheck } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { serverUrl } from '../base'
import { Card } from '../components/Card'
import { installation, type Stats } from '../installation'
import { useSession } from '../session'

export function NextSteps({ stats }: { stats: Stats }) {
  const { mayAdminister } = useSession()
  const keys = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) => installation.keys(signal),
    enabled: mayAdminister,
  })
  return (
    <Card title="Next steps">
      <ol className="steps">
        <Step done={keys.data?.items.some((key) => key.revoked_at === null) ?? false}>
          <Link href="/developers" className="text-link">
            Make a service key
          </Link>{' '}
          for your app’s backend. It mints screen tokens and moves credits.
        </Step>
        <Step done={stats.users > 0}>
          <Link href="/users" className="text-link">
            Give a first user credits
          </Link>{' '}
          here, or by your backend’s first grant. Users appear with their first credits or screen.
        </Step>
        <Step done={stats.screens.open > 0}>
          <a href={new URL('docs', serverUrl()).href} className="text-link">
            Show the balance in your app
          </a>{' '}
          with the SDK. Every open screen is counted on this page.
        </Step>
        <Step done={false}>
          <Link href="/orders/packages" className="text-link">
            Put a package on sale
          </Link>
          , or{' '}
          <Link href="/vouchers" className="text-link">
            make vouchers
          </Link>
          , if users are to get credits by themselves.
        </Step>
      </ol>
    </Card>
  )
}

function Step({ done, children }: { done: boolean; children: ReactNode }) {
  const Icon = done ? IconCircleCheck : IconCircle
  return (
    <li className="step" data-done={done || undefined}>
      <Icon size={18} aria-hidden />
      <span>
        {children}
        {done && <span className="visually-hidden"> (done)</span>}
      </span>
    </li>
  )
}
