/**
 * Developers: service keys, the token tester, the frame playground and the list of operations, each at its own
 * address, and each loaded with the first look at it.
 */
import '../styles/shop.css'
import '../styles/developers.css'
import { lazy, Suspense } from 'react'
import { Route, Switch } from 'wouter'
import { PageHead } from '../components/PageHead'
import { Tabs } from '../components/Tabs'

const Keys = lazy(() => import('../developers/Keys'))
const TokenTester = lazy(() => import('../developers/TokenTester'))
const Playground = lazy(() => import('../developers/Playground'))
const Operations = lazy(() => import('../developers/Operations'))

const TABS = [
  { href: '/developers', label: 'Keys' },
  { href: '/developers/token', label: 'Token tester' },
  { href: '/developers/frames', label: 'Frames' },
  { href: '/developers/api', label: 'API' },
]

export default function Developers() {
  return (
    <>
      <PageHead title="Developers" />
      <Tabs label="Developers" tabs={TABS} />
      <Suspense>
        <Switch>
          <Route path="/developers" component={Keys} />
          <Route path="/developers/token" component={TokenTester} />
          <Route path="/developers/frames" component={Playground} />
          <Route path="/developers/api" component={Operations} />
        </Switch>
      </Suspense>
    </>
  )
}
