import { CreditProvider, useCredits, useOptimisticCredits } from 'livecredits/react'
import { type FormEvent, StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'

const PICTURE_COSTS = 5

async function getToken(): Promise<string | null> {
  const response = await fetch('/credits-token', { method: 'POST' })
  if (response.status === 401) return null
  if (!response.ok) throw new Error(`no token: ${response.status}`)
  return (await response.json()).token
}

function App() {
  const [user, setUser] = useState<string | null>(null)
  const load = async () => {
    const response = await fetch('/me')
    setUser(response.ok ? (await response.json()).user : null)
  }
  useEffect(() => void load(), [])
  if (user === null) return <SignIn done={load} />
  return (
    <CreditProvider url="/billing/credits" user={user} getToken={getToken}>
      <h1>Pictures for {user}</h1>
      <Balance />
      <Studio />
    </CreditProvider>
  )
}

function Balance() {
  const { credits, loading, status } = useCredits()
  return (
    <p>
      Credits: <b data-testid="credits">{loading ? '…' : credits}</b>{' '}
      {status !== 'live' && <em>{status}</em>}
    </p>
  )
}

function Studio() {
  const runOptimistic = useOptimisticCredits()
  const [told, setTold] = useState('')
  const make = async () => {
    setTold('')
    try {
      await runOptimistic(-PICTURE_COSTS, async (key) => {
        const response = await fetch(`/pictures?key=${key}`, { method: 'POST' })
        const answer = await response.json()
        if (!response.ok) throw new Error(answer.detail)
        return answer
      })
      setTold('Your picture is painted.')
    } catch (refusal) {
      setTold((refusal as Error).message)
    }
  }
  return (
    <>
      <button type="button" onClick={make}>
        Paint a picture ({PICTURE_COSTS} credits)
      </button>
      <p role="status">{told}</p>
    </>
  )
}

function SignIn({ done }: { done: () => Promise<void> }) {
  const signIn = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const name = String(new FormData(event.currentTarget).get('name'))
    await fetch(`/sign-in?name=${encodeURIComponent(name)}`, { method: 'POST' })
    await done()
  }
  return (
    <form onSubmit={signIn}>
      <label>
        Name <input name="name" required />
      </label>{' '}
      <button type="submit">Sign in</button>
    </form>
  )
}

createRoot(document.getElementById('app') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
