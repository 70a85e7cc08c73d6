/** Who the user is, and for admins the floor and freezing. Saves only what was changed. */
import { Button, Group, Stack, Switch, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, lazy, Suspense, useState } from 'react'
import { formatAmount, type Parsed, parseAmount, typedAmount } from '../amounts'
import { announce } from '../announce'
import { api, type UserDetail } from '../api'
import { isolated } from '../bidi'
import { useOnline } from '../live'
import { useReason } from '../reasons'
import { useTask } from '../task'
import { toastSuccess } from '../toasts'
import { useUnits } from '../units'
import { Ago } from './Ago'
import { Card } from './Card'
import { ProblemPanel } from './ProblemPanel'

const Erase = lazy(() => import('./Erase'))

interface Props {
  user: UserDetail
  scale: number
  mayAdminister: boolean
}

export function Profile({ user, scale, mayAdminister }: Props) {
  const [editing, setEditing] = useState(false)
  return (
    <Card
      title="Profile"
      action={
        mayAdminister &&
        !editing && (
          <Button size="compact-xs" variant="default" onClick={() => setEditing(true)}>
            Edit profile
          </Button>
        )
      }
    >
      {editing ? (
        <ProfileForm user={user} scale={scale} onDone={() => setEditing(false)} />
      ) : (
        <>
          <ProfileFacts user={user} scale={scale} />
          {mayAdminister && (
            <div className="card-body">
              <Suspense>
                <Erase user={user.user_id} />
              </Suspense>
            </div>
          )}
        </>
      )}
    </Card>
  )
}

function ProfileFacts({ user, scale }: { user: UserDetail; scale: number }) {
  const { units } = useUnits()
  const general = units.find(({ name }) => name === user.unit)?.low_threshold ?? null
  const threshold = user.low_threshold ?? general
  return (
    <dl className="pairs">
      <Pair label="Name">{user.name ? <bdi>{user.name}</bdi> : <span className="dimmed">none</span>}</Pair>
      <Pair label="Email">{user.email ?? <span className="dimmed">none</span>}</Pair>
      <Pair label="Floor">
        {user.floor === null ? <span className="dimmed">none</span> : formatAmount(user.floor, scale)}
      </Pair>
      <Pair label="Low at">
        {threshold === null ? (
          <span className="dimmed">no threshold</span>
        ) : (
          <>
            {formatAmount(threshold, scale)}
            {user.low_threshold == null && <span className="dimmed"> (as the unit)</span>}
          </>
        )}
      </Pair>
      <Pair label="Frozen">{user.frozen ? 'yes: spends and holds are refused' : 'no'}</Pair>
      <Pair label="Receipts">
        {user.receipts === false ? 'off: nobody is told what the screens show' : 'on'}
      </Pair>
      <Pair label="Known since">
        <Ago at={user.created_at} />
      </Pair>
    </dl>
  )
}

function Pair({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function ProfileForm({ user, scale, onDone }: { user: UserDetail; scale: number; onDone: () => void }) {
  const client = useQueryClient()
  const online = useOnline()
  const why = useReason()
  const [name, setName] = useState(user.name ?? '')
  const [email, setEmail] = useState(user.email ?? '')
  const [floor, setFloor] = useState(user.floor === null ? '' : typedAmount(user.floor, scale))
  const [frozen, setFrozen] = useState(user.frozen)
  const [receipts, setReceipts] = useState(user.receipts ?? true)
  const [low, setLow] = useState(user.low_threshold == null ? '' : typedAmount(user.low_threshold, scale))
  const { problem, run } = useTask()
  const parsed = optional(floor, scale)
  const threshold = optional(low, scale)

  const save = async (event: FormEvent) => {
    event.preventDefault()
    if (!parsed.ok) return announce(parsed.message)
    if (!threshold.ok) return announce(threshold.message)
    const body = changed(user, {
      name: name.trim() || null,
      email: email.trim() || null,
      floor: parsed.value,
      low_threshold: threshold.value,
      frozen,
      ...(receipts === (user.receipts ?? true) ? {} : { receipts }),
    })
    const asks = 'floor' in body || 'frozen' in body
    const reason = asks ? await why(`Change ${isolated(user.name || user.user_id)}`) : undefined
    if (reason === null) return
    await run(async () => {
      if (Object.keys(body).length > 0)
        await api.putUser(user.user_id, { ...body, unit: user.unit, ...(reason && { reason }) })
      void client.invalidateQueries({ queryKey: ['user', user.user_id] })
      void client.invalidateQueries({ queryKey: ['users'] })
      toastSuccess('User saved', `The profile of ${isolated(name.trim() || user.user_id)} is saved`)
      onDone()
    })
  }

  return (
    <form className="card-body" onSubmit={save} aria-label="Profile">
      <Stack gap="xs">
        <TextInput
          size="sm"
          label="Name"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TextInput
          size="sm"
          label="Email"
          type="email"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
        />
        <TextInput
          size="sm"
          label="Floor"
          description="How low spending may take the balance; empty for no floor"
          value={floor}
          error={parsed.ok ? undefined : parsed.message}
          onChange={(event) => setFloor(event.currentTarget.value)}
        />
        <TextInput
          size="sm"
          label="Low at"
          description="At or below it the balance is marked; empty: as the unit"
          value={low}
          error={threshold.ok ? undefined : threshold.message}
          onChange={(event) => setLow(event.currentTarget.value)}
        />
        <Switch
          size="sm"
          label="Frozen: refuse spends and holds"
          checked={frozen}
          onChange={(event) => setFrozen(event.currentTarget.checked)}
        />
        <Switch
          size="sm"
          label="Receipts: ask this user’s screens what they show"
          checked={receipts}
          onChange={(event) => setReceipts(event.currentTarget.checked)}
        />
        {problem && <ProblemPanel title="The user was not saved" problem={problem} />}
        <Group justify="flex-end" gap="xs">
          <Button size="xs" variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button size="xs" type="submit" disabled={!online}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** An amount, or none where the field is empty. */
function optional(text: string, scale: number): Parsed<number | null> {
  return text.trim() === '' ? { ok: true, value: null } : parseAmount(text, scale)
}

function changed(user: UserDetail, wanted: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => (user[name as keyof UserDetail] ?? null) !== value),
  )
}
