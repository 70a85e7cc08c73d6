/**
 * Makes or changes an operator. Without a password they sign in by a link, which is offered right after the making.
 */
import { Button, Group, Modal, PasswordInput, Select, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { formatAmount, parseAmount } from '../amounts'
import type { Role } from '../api'
import { ProblemPanel } from '../components/ProblemPanel'
import { IN_PLACE } from '../components/ReasonInput'
import { installation, type OperatorBody, type OperatorRow } from '../installation'
import { useOnline } from '../live'
import { useTask } from '../task'
import { toastSuccess } from '../toasts'

const ROLES: { value: Role; label: string }[] = [
  { value: 'viewer', label: 'viewer: looks' },
  { value: 'support', label: 'support: changes credits, orders' },
  { value: 'admin', label: 'admin: everything' },
]
const PASSWORD_LEAST = 12

interface Props {
  found: OperatorRow | undefined
  onClose: () => void
  onSaved: (operator: OperatorRow, needsLink: boolean) => void
}

export default function OperatorForm({ found, onClose, onSaved }: Props) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={found ? `Edit ${found.name}` : 'New operator'}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      <Form found={found} onClose={onClose} onSaved={onSaved} />
    </Modal>
  )
}

function Form({ found, onClose, onSaved }: Props) {
  const online = useOnline()
  const [email, setEmail] = useState('')
  const [name, setName] = useState(found?.name ?? '')
  const [role, setRole] = useState<Role>(found?.role ?? 'support')
  const [limit, setLimit] = useState(typeof found?.limit === 'number' ? formatAmount(found.limit) : '')
  const [password, setPassword] = useState('')
  const [tried, setTried] = useState(false)
  const { busy, problem, run } = useTask()
  const most = limit.trim() === '' ? { ok: true as const, value: null } : parseAmount(limit)
  const errors = {
    email: found || /^[^@\s]+@[^@\s]+$/.test(email.trim()) ? undefined : 'An e-mail address is needed',
    name: name.trim() === '' ? 'A name is needed' : undefined,
    limit: most.ok ? (most.value !== null && most.value < 1 ? 'More than 0' : undefined) : most.message,
    password:
      password !== '' && password.length < PASSWORD_LEAST
        ? `At least ${PASSWORD_LEAST} characters`
        : undefined,
  }
  const error = (field: keyof typeof errors) => tried && errors[field]

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (!most.ok || Object.values(errors).some(Boolean)) return
    const body: OperatorBody = { name: name.trim(), role, limit: most.value }
    if (password !== '') body.password = password
    await run(async () => {
      const saved = found
        ? await installation.putOperator(found.id, body)
        : await installation.addOperator({ ...body, email: email.trim() })
      toastSuccess(found ? 'Operator saved' : 'Operator made', `${saved.name}: ${found ? 'saved' : 'made'}`)
      onSaved(saved, !found && password === '')
    })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {!found && (
          <TextInput
            label="Email"
            type="email"
            data-autofocus
            autoComplete="off"
            maxLength={254}
            value={email}
            error={error('email')}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
        )}
        <TextInput
          label="Name"
          autoComplete="off"
          maxLength={200}
          value={name}
          error={error('name')}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <div className="fields">
          <Select
            label="Role"
            allowDeselect={false}
            comboboxProps={IN_PLACE}
            data={ROLES}
            value={role}
            onChange={(value) => value && setRole(value as Role)}
          />
          <TextInput
            label="Limit for one change"
            placeholder="none"
            inputMode="numeric"
            autoComplete="off"
            classNames={{ input: 'numeral' }}
            value={limit}
            error={error('limit')}
            onChange={(event) => setLimit(event.currentTarget.value)}
          />
        </div>
        <PasswordInput
          label={found ? 'New password' : 'Password'}
          description={
            found
              ? 'Leave empty to keep theirs; a new one ends their sessions'
              : 'Leave empty, and they sign in by a link'
          }
          autoComplete="new-password"
          maxLength={256}
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
          value={password}
          error={error('password')}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        {problem && <ProblemPanel title="The operator was not saved" problem={problem} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={!online}>
            {found ? 'Save' : 'Make operator'}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
