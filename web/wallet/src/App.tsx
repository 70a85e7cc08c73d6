/**
 * The frame of the host app: header with badge, status and user switcher; balances beside the page. The page is named by
 * the address's fragment, so the app needs no route on the server.
 */
import type { CreditsSnapshot } from 'livecredits'
import { useCreditsSelector } from 'livecredits/react'
import { type ReactNode, useEffect, useState } from 'react'
import { AccountPage } from './AccountPage'
import { Balances } from './balances'
import { CreditDisplay } from './CreditDisplay'
import { LowNotice } from './LowNotice'
import { OrdersDesk } from './OrdersDesk'
import { ShopPage } from './ShopPage'
import { StatusDot } from './StatusDot'
import { StudioPage } from './StudioPage'
import { SessionProvider, useSession } from './session'
import { ToastProvider } from './toasts'
import { UsersPage } from './UsersPage'
import { VouchersPage } from './VouchersPage'
import { WelcomeBanner } from './WelcomeBanner'

const PAGES: Record<string, { name: string; page: () => ReactNode }> = {
  '#/': { name: 'Studio', page: StudioPage },
  '#/shop': { name: 'Shop', page: ShopPage },
  '#/vouchers': { name: 'Vouchers', page: VouchersPage },
  '#/account': { name: 'Account', page: AccountPage },
  '#/users': { name: 'Team', page: TeamPage },
}

function TeamPage() {
  return (
    <div className="page">
      <UsersPage />
      <OrdersDesk />
    </div>
  )
}

export function App() {
  return (
    <SessionProvider>
      <ToastProvider>
        <Shell />
      </ToastProvider>
    </SessionProvider>
  )
}

function Shell() {
  const at = useFragment()
  const Page = PAGES[at]?.page ?? StudioPage
  return (
    <div className="shell">
      <header>
        <a className="brand" href="#/">
          <span aria-hidden="true" className="mark" />
          Lumen
        </a>
        <nav aria-label="Pages">
          {Object.entries(PAGES).map(([address, { name }]) => (
            <a key={address} href={address} aria-current={address === at ? 'page' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <StatusDot />
        <Badge />
        <UserSwitcher />
      </header>
      <main>
        <WelcomeBanner />
        <LowNotice at={at} />
        <Page />
        <Balances />
      </main>
    </div>
  )
}

const isLow = ({ low, loading }: CreditsSnapshot) => low && !loading

/** The display knows the nine names only; that a balance is low stands around it. */
function Badge() {
  const low = useCreditsSelector(isLow)
  return (
    <span className="badge-frame" data-low={low} data-testid="badge-frame">
      <CreditDisplay />
      {low && <span className="low-word">low</span>}
    </span>
  )
}

/** No user's id: it stands for somebody whom nobody has seen before. */
const NEWCOMER = ''

const newcomer = () => `guest-${Math.random().toString(36).slice(2, 8)}`

function UserSwitcher() {
  const { user, users, switchTo } = useSession()
  const known = users.some(({ id }) => id === user)
  const choose = (chosen: string) => switchTo(chosen === NEWCOMER ? newcomer() : chosen)
  return (
    <label className="switcher">
      <span className="for-readers">Signed in as</span>
      <select value={user} onChange={(event) => choose(event.target.value)} data-testid="user-switcher">
        <option value={NEWCOMER}>A new user…</option>
        {!known && <option value={user}>{user}</option>}
        {users.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  )
}

function useFragment(): string {
  const read = () => (location.hash in PAGES ? location.hash : '#/')
  const [fragment, setFragment] = useState(read)
  useEffect(() => {
    const follow = () => setFragment(read())
    addEventListener('hashchange', follow)
    addEventListener('popstate', follow)
    return () => {
      removeEventListener('hashchange', follow)
      removeEventListener('popstate', follow)
    }
  })
  return fragment
}
