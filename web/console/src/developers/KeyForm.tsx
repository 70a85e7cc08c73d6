/**
 * Makes a key, then shows its secret once. The secret lives in this dialogue's memory alone; closing it forgets it.
 *
 * The odd thing: once there is a secret, neither Escape nor a click beside the dialogue closes it, since nobody can
 * get it again.
 */
import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { ProblemPanel } from '../components/ProblemPanel'
import { installation, SCOPES, type Scope } from '../installation'
import { useOnline } from '../live'
import { useTask } from '../task'
import { Secret } from './Secret'

const MEANING: Record<Scope, string> = {
  read: 'read balances, histories and figures',
  move: 'grant, spend, hold, transfer',
  tokens: 'mint and end screen tokens',
  shop: 'packages, orders, campaigns, vouchers',
  admin: 'what operators do: users, batches, settings, keys',
  live: 'follow accounts live',
}

interface Props {
  onClose: () => void
  onMade: () => void
}

export default function KeyForm({ onClose, onMade }: Props) {
  const [secret, setSecret] = useState<{ name: string; value: string }>()
  return (
    <Modal
      opened
      onClose={onClose}
      title={secret ? `The secret of ${secret.name}` : 'New key'}
      closeOnEscape={!secret}
      closeOnClickOutside={!secret}
      withCloseButton={!secret}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {secret ? (
        <Stack gap="md">
          <Text size="sm">
            Copy it now, into your backend’s secrets. It is not stored here and cannot be shown again.
          </Text>
          <Secret value={secret.value} name="Secret" />
          <Group justify="flex-end">
            <Button onClick={onClose}>I have it</Button>
          </Group>
        </Stack>
      ) : (
        <Form
          onClose={onClose}
          onMade={(name, value) => {
            setSecret({ name, value })
            onMade()
          }}
        />
      )}
    </Modal>
  )
}

function Form({ onClose, onMade }: { onClose: () => void; onMade: (name: string, secret: string) => void }) {
  const online = useOnline()
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<Scope[]>(['read', 'move', 'tokens'])
  const [tried, setTried] = useState(false)
  const { busy, problem, run } = useTask()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (name.trim() === '' || scopes.length === 0) return
    await run(async () => {
      const { key, secret } = await installation.addKey({ name: name.trim(), scopes })
      onMade(key.name, secret)
    })
  }

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="Who uses it: shop backend, nightly import"
          data-autofocus
          autoComplete="off"
          maxLength={200}
          value={name}
          error={tried && name.trim() === '' && 'A name is needed'}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Checkbox.Group
          label="It may"
          value={scopes}
          error={tried && scopes.length === 0 && 'Choose at least one'}
          onChange={(chosen) => setScopes(SCOPES.filter((scope) => chosen.includes(scope)))}
        >
          <Stack gap={8} mt={4}>
            {SCOPES.map((scope) => (
              <Checkbox key={scope} value={scope} label={scope} description={MEANING[scope]} />
            ))}
          </Stack>
        </Checkbox.Group>
        {problem && <ProblemPanel title="No key was made, as far as is known" problem={problem} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={!online}>
            Make key
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
