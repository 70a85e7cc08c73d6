/** Adds a user by the host app's own id; goes to their page afterwards, where credits can be granted. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import type { FormEvent } from 'react'
import { useLocation } from 'wouter'
import { api } from '../api'
import { useTask } from '../task'
import { ProblemPanel } from './ProblemPanel'

export default function NewUser({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Add user" closeButtonProps={{ 'aria-label': 'Close' }}>
      <NewUserForm onClose={onClose} />
    </Modal>
  )
}

function NewUserForm({ onClose }: { onClose: () => void }) {
  const { busy, problem, run } = useTask()
  const [, go] = useLocation()
  const client = useQueryClient()

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const id = text(form, 'id')
    await run(async () => {
      await api.putUser(id, { name: text(form, 'name') || null, email: text(form, 'email') || null })
      void client.invalidateQueries({ queryKey: ['users'] })
      onClose()
      go(`/users/${encodeURIComponent(id)}`)
    })
  }

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          name="id"
          label="User id"
          description="As your own app names this user"
          required
          maxLength={128}
          pattern="[^\/]+"
          data-autofocus
          autoComplete="off"
        />
        <TextInput name="name" label="Name" autoComplete="off" />
        <TextInput name="email" label="Email" type="email" autoComplete="off" />
        {problem && <ProblemPanel title="The user was not added" problem={problem} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            Add user
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function text(form: FormData, name: string): string {
  return String(form.get(name) ?? '').trim()
}
