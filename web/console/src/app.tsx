/**
 * Puts the console together: who is signed in decides between the sign-in form and the screens.
 */
import { Center, Loader, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider, usePrefetchQuery } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState } from 'react'
import { Redirect, Route, Router, Switch, useLocation } from 'wouter'
import { Announcer, forgetAnnouncements } from './announce'
import { asProblem } from './api'
import { basePath } from './base'
import { clearAllLayers } from './board'
import { ChangesProvider } from './changes'
import { Guarded } from './components/Guarded'
import { ProblemPanel } from './components/ProblemPanel'
import { Shell } from './components/Shell'
import { LiveProvider } from './live'
import { clearAllMarks } from './order-board'
import { dropQuestion, useQuestion } from './reasons'
import { NotFound } from './screens/NotFound'
import { SessionProvider, useSessionState } from './session'
import { cssVariables, theme } from './theme'
import { unitsQuery } from './units'
import { lastSegment } from './url'

// Nothing is said before the first screen stands, so what says it may come after.
const Messages = lazy(() => import('./components/Messages'))
// Each screen comes with the first look at it.
const SignIn = lazy(() => import('./screens/SignIn'))
const Overview = lazy(() => import('./screens/Overview'))
const Users = lazy(() => import('./screens/Users'))
const User = lazy(() => import('./screens/User'))
const Orders = lazy(() => import('./screens/Orders'))
const Packages = lazy(() => import('./screens/Packages'))
const Campaigns = lazy(() => import('./screens/Campaigns'))
const Campaign = lazy(() => import('./screens/Campaign'))
const Vouchers = lazy(() => import('./screens/Vouchers'))
const Bulk = lazy(() => import('./screens/Bulk'))
const Broadcasts = lazy(() => import('./screens/Broadcasts'))
const Audit = lazy(() => import('./screens/Audit'))
const Developers = lazy(() => import('./screens/Developers'))
const Settings = lazy(() => import('./screens/Settings'))
const ReasonDialog = lazy(() => import('./components/ReasonDialog'))

const READ_TRIES = 2

function makeClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // A refusal stays a refusal; only the lack of an answer is worth another try.
        retry: (tries, error) => tries < READ_TRIES && asProblem(error).outcomeUnknown,
        staleTime: 2000,
      },
    },
  })
}

interface Props {
  /** The one-time sign-in code the page was opened with. */
  code?: string | undefined
}

export function App({ code }: Props) {
  const [client] = useState(makeClient)
  const [pendingCode] = useState(() => ({ current: code }))
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Suspense>
          <Messages />
        </Suspense>
        <Announcer />
        <Router base={basePath()}>
          <Gate code={pendingCode} />
        </Router>
      </QueryClientProvider>
    </MantineProvider>
  )
}

function Gate({ code }: { code: { current: string | undefined } }) {
  const session = useSessionState(code)
  const operator = session.state === 'signed-in' ? session.session.operator.id : undefined
  useEffect(() => {
    if (operator !== undefined) return
    clearAllLayers()
    clearAllMarks()
    forgetAnnouncements()
    dropQuestion()
  }, [operator])

  switch (session.state) {
    case 'loading':
      return (
        <Center component="main" mih="100dvh">
          <Loader aria-label="Loading" role="img" />
        </Center>
      )
    case 'unreachable':
      return (
        <main className="sign-in">
          <h1 className="visually-hidden">livecredits console</h1>
          <div className="sign-in-card">
            <ProblemPanel
              title="The server cannot be reached"
              problem={session.problem}
              retry={session.retry}
            />
          </div>
        </main>
      )
    case 'signed-out':
      return (
        <Suspense>
          <SignIn ended={session.ended} codeProblem={session.codeProblem} />
        </Suspense>
      )
    case 'signed-in':
      return (
        <SessionProvider session={session.session} key={operator}>
          <LiveProvider>
            <ChangesProvider>
              <Shell>
                <Screens />
                <Why />
              </Shell>
            </ChangesProvider>
          </LiveProvider>
        </SessionProvider>
      )
  }
}

/** Asks for the reason of a step that wants one. */
function Why() {
  const question = useQuestion()
  return <Suspense>{question && <ReasonDialog question={question} key={question.title} />}</Suspense>
}

function UserAtAddress() {
  useLocation()
  const id = lastSegment(window.location)
  return <User id={id} key={id} />
}

function Screens() {
  const [place] = useLocation()
  // On their way while the screen's part is loaded, not only once it asks for them.
  usePrefetchQuery(unitsQuery)
  return (
    <Guarded place={place}>
      <Suspense>
        <ScreenOfPlace />
      </Suspense>
    </Guarded>
  )
}

function ScreenOfPlace() {
  return (
    <Switch>
      <Route path="/">
        <Redirect to="/overview" replace />
      </Route>
      <Route path="/overview">
        <Overview />
      </Route>
      <Route path="/users">
        <Users />
      </Route>
      <Route path="/users/:id">
        <UserAtAddress />
      </Route>
      <Route path="/orders">
        <Orders />
      </Route>
      <Route path="/orders/packages">
        <Packages />
      </Route>
      <Route path="/vouchers">
        <Campaigns />
      </Route>
      <Route path="/vouchers/single">
        <Vouchers />
      </Route>
      <Route path="/vouchers/campaigns/:id">{({ id }) => <Campaign id={id} key={id} />}</Route>
      <Route path="/bulk">
        <Bulk />
      </Route>
      <Route path="/broadcasts">
        <Broadcasts />
      </Route>
      <Route path="/audit">
        <Audit />
      </Route>
      <Route path="/developers/:tool?">
        <Developers />
      </Route>
      <Route path="/settings">
        <Settings />
      </Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  )
}
