/**
 * Paste a screen token: what it says, whether it would be taken, and if not, which check refused it.
 *
 * The token goes to the server in a body and nowhere else: not into the address, not into storage, not into a log.
 * A service key is recognised before anything is sent.
 */
import { Button, Textarea } from '@mantine/core'
import { IconCircleCheck, IconCircleX, IconFlask } from '@tabler/icons-react'
import { type FormEvent, useState } from 'react'
import { Link } from 'wouter'
import { announce } from '../announce'
import { Ago, Due } from '../components/Ago'
import { Card } from '../components/Card'
import { Empty } from '../components/Empty'
import { ProblemPanel } from '../components/ProblemPanel'
import { installation, type TokenTest } from '../installation'
import { useOnline } from '../live'
import { useSession } from '../session'
import { useTask } from '../task'
import { fullTime } from '../time'
import { MintToken } from './MintToken'

const KEY_PREFIX = 'lck_'

export default function TokenTester() {
  const { mayChange, mayAdminister } = useSession()
  if (!mayChange) {
    return (
      <section className="card" aria-label="Token tester">
        <Empty icon={<IconFlask size={22} />} title="For support and admins">
          A token opens somebody’s account; ask a colleague with the role support.
        </Empty>
      </section>
    )
  }
  return <Tester mayMint={mayAdminister} />
}

function Tester({ mayMint }: { mayMint: boolean }) {
  const online = useOnline()
  const [token, setToken] = useState('')
  const [told, setTold] = useState<TokenTest>()
  const { busy, problem, run } = useTask()
  const clean = token.trim().replace(/^Bearer\s+/i, '')
  const isKey = clean.startsWith(KEY_PREFIX)

  const test = async (text: string) => {
    const went = await run(async () => {
      const result = await installation.testToken(text)
      setTold(result)
      announce(result.valid ? 'The token is valid' : `The token is refused. ${result.problem?.detail ?? ''}`)
    })
    if (!went) setTold(undefined)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (clean !== '' && !isKey) void test(clean)
  }
  const change = (text: string) => {
    setToken(text)
    setTold(undefined)
  }

  return (
    <div className="tool-grid">
      <div className="tool-side">
        <Card title="Token">
          <form className="card-body tool-form" onSubmit={submit}>
            <Textarea
              label="Screen token"
              description="It is sent to this server to be looked at, and kept nowhere"
              placeholder="eyJhbGciOi…"
              autosize
              minRows={5}
              maxRows={12}
              spellCheck={false}
              autoComplete="off"
              classNames={{ input: 'mono token-text' }}
              value={token}
              error={
                isKey &&
                'This is a service key. It belongs on a server alone, so it is not sent; revoke it if it was elsewhere.'
              }
              onChange={(event) => change(event.currentTarget.value)}
            />
            <Button type="submit" loading={busy} disabled={clean === '' || isKey || !online}>
              Test
            </Button>
          </form>
        </Card>
        {mayMint && (
          <MintToken
            onMinted={(made) => {
              change(made)
              void test(made)
            }}
          />
        )}
      </div>
      <Card title="What it says">
        {problem && <ProblemPanel title="The token could not be tested" problem={problem} />}
        {told ? (
          <Verdict told={told} />
        ) : (
          !problem && <p className="nothing">Paste a token and test it. Nothing is changed by that.</p>
        )}
      </Card>
    </div>
  )
}

const KINDS: Record<TokenTest['kind'], string> = {
  screen: 'Screen token of this installation',
  provider: 'Screen token of the identity provider',
  operator: 'Operator’s live token',
  key: 'Service key',
  unknown: 'No token',
}

function Verdict({ told }: { told: TokenTest }) {
  const Icon = told.valid ? IconCircleCheck : IconCircleX
  return (
    <div className="card-body">
      <div className="verdict" data-valid={told.valid}>
        <Icon size={20} aria-hidden />
        <div>
          <b>{told.valid ? 'Valid' : `Refused: ${told.problem?.check ?? 'unknown'}`}</b>
          <p>{told.problem?.detail ?? 'It would be taken now.'}</p>
        </div>
      </div>
      <dl className="pairs facts">
        <div>
          <dt>Kind</dt>
          <dd>{KINDS[told.kind]}</dd>
        </div>
        {told.user_id !== null && (
          <div>
            <dt>User</dt>
            <dd>
              {told.known_user ? (
                <Link href={`/users/${encodeURIComponent(told.user_id)}`} className="text-link">
                  <bdi>{told.user_id}</bdi>
                </Link>
              ) : (
                <>
                  <bdi>{told.user_id}</bdi>{' '}
                  <span className="dimmed">(nobody yet; the first use makes the user)</span>
                </>
              )}
            </dd>
          </div>
        )}
        {told.issued_at && (
          <div>
            <dt>Made</dt>
            <dd>
              {fullTime(told.issued_at)} <span className="dimmed">({<Ago at={told.issued_at} />})</span>
            </dd>
          </div>
        )}
        {told.expires_at && (
          <div>
            <dt>Ends</dt>
            <dd>
              {fullTime(told.expires_at)} <span className="dimmed">({<Due at={told.expires_at} />})</span>
            </dd>
          </div>
        )}
      </dl>
      {told.claims && <Said name="Claims" value={told.claims} />}
      {told.header && <Said name="Header" value={told.header} />}
      {!told.valid && told.claims && (
        <p className="hint">Shown as the token says it. Only a valid token’s words can be believed.</p>
      )}
    </div>
  )
}

function Said({ name, value }: { name: string; value: Record<string, unknown> }) {
  return (
    <section className="said" aria-label={name}>
      <h3>{name}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <pre tabIndex={0} dir="auto">
        {JSON.stringify(value, null, 2)}
      </pre>
    </section>
  )
}
