/**
 * Signing in by e-mail address and password; a one-time code that failed says so here.
 */
import { Button, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, useEffect } from 'react'
import type { Problem } from '../api'
import { Logo } from '../components/Logo'
import { ProblemPanel } from '../components/ProblemPanel'
import { useSignIn } from '../session'
import { useTask } from '../task'

interface Props {
  /** The session ended by itself while somebody worked. */
  ended: boolean
  codeProblem: Problem | undefined
}

export default function SignIn({ ended, codeProblem }: Props) {
  const signIn = useSignIn()
  const { busy, problem, run } = useTask()
  useEffect(() => {
    document.title = 'Sign in · livecredits'
  }, [])

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    await run(async () => {
      await signIn(String(form.get('email')), String(form.get('password')))
    })
  }

  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <Logo />
        <div>
          <Title order={1}>Sign in to the console</Title>
          <Text c="dimmed" size="sm">
            {ended
              ? 'Your session has ended. Sign in again to go on where you were.'
              : 'For operators of this server.'}
          </Text>
        </div>
        {codeProblem && !problem && (
          <ProblemPanel title="The sign-in link did not work" problem={codeProblem} />
        )}
        <form onSubmit={submit}>
          <Stack gap="sm">
            <TextInput
              name="email"
              type="email"
              label="Email"
              required
              withAsterisk={false}
              autoComplete="username"
              autoFocus
            />
            <PasswordInput
              name="password"
              label="Password"
              required
              withAsterisk={false}
              autoComplete="current-password"
              visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
            />
            {problem && <ProblemPanel title="Not signed in" problem={problem} />}
            <Button type="submit" loading={busy} fullWidth mt="xs">
              Sign in
            </Button>
          </Stack>
        </form>
        <Text size="xs" c="dimmed">
          No account yet? <code>livecredits operator add</code> on the server makes the first one.
        </Text>
      </div>
    </main>
  )
}
