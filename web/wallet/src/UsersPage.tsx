/**
 * The host app's own users page, written on the nine names of the credit context alone: `handleCreditsChange` is the
 * one of the original design. The credits of a change are on every open screen before the answer arrives; the two
 * calls after it are kept, and harmless.
 */

import { type CreditContextType, useCredits } from 'livecredits/react'
import { type FormEvent, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { amountText } from './amounts'
import { api, type HostUser } from './api'
import { useToast } from './toasts'

export function UsersPage() {
  const {
    refreshCurrentUserCredits,
    broadcastCreditUpdate,
    registerCreditUpdateCallback,
  }: CreditContextType = useCredits()
  const [users, setUsers] = useState<HostUser[] | null>(null)
  const toast = useToast()

  const fetchUsers = useCallback(async () => {
    const { data } = await api.users()
    if (data !== null) setUsers(data.items)
  }, [])
  useEffect(() => {
    fetchUsers()
  }, [fetchUsers])
  useEffect(() => registerCreditUpdateCallback(fetchUsers), [registerCreditUpdateCallback, fetchUsers])

  const handleCreditsChange = async (userId: string, newCredits: number) => {
    try {
      const { error } = await api.updateUserCredits(userId, newCredits)

      if (error) throw new Error(error.detail || 'Failed to update user credits')

      // Update local state
      setUsers(
        (prev) => prev?.map((user) => (user.id === userId ? { ...user, credits: newCredits } : user)) ?? prev,
      )

      // Refresh credits for the updated user
      await refreshCurrentUserCredits()

      // Broadcast the credit update to all components
      broadcastCreditUpdate(userId)

      toast.success('User credits updated successfully')
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'Failed to update user credits')
      throw error // the row puts the old value back
    }
  }

  return (
    <section className="page" aria-labelledby="users-title">
      <h1 id="users-title">Team</h1>
      <p className="lead">
        A users page of the host app itself. Type a number and press Enter: the change is on that user’s open
        screens at once. Try <code>-5</code> to see a refusal.
      </p>
      {users === null ? (
        <p className="quiet">Reading the users…</p>
      ) : (
        <ul className="users">
          {users.map((user) => (
            <UserRow key={user.id} user={user} onChange={handleCreditsChange} />
          ))}
        </ul>
      )}
    </section>
  )
}

interface UserRowProps {
  readonly user: HostUser
  readonly onChange: (userId: string, credits: number) => Promise<void>
}

/** One user. The field shows the draft while it is edited, else the user's credits. */
function UserRow({ user, onChange }: UserRowProps) {
  const [draft, setDraft] = useState<string | null>(null)
  const [saves, setSaves] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const wanted = Number(draft)
  const isWhole = draft !== null && /^[-+]?\d+$/.test(draft.trim()) && Number.isSafeInteger(wanted)

  // The digits to edit replace the number to read first; only then is there something to select.
  const edits = draft !== null
  useLayoutEffect(() => {
    if (edits) field.current?.select()
  }, [edits])

  const save = async (event: FormEvent) => {
    event.preventDefault()
    if (!isWhole || wanted === user.credits) return setDraft(null)
    setSaves(true)
    await onChange(user.id, wanted).catch(() => undefined)
    setSaves(false)
    setDraft(null)
  }

  return (
    <li data-testid={`user-${user.id}`}>
      <span className="avatar" aria-hidden="true">
        {user.name.charAt(0)}
      </span>
      <span className="who">
        <strong>
          <bdi>{user.name}</bdi>
        </strong>
        <span className="quiet">{user.plan}</span>
      </span>
      <form onSubmit={save}>
        <input
          aria-label={`Credits of ${user.name}`}
          inputMode="numeric"
          autoComplete="off"
          value={draft ?? amountText(user.credits)}
          aria-invalid={draft !== null && !isWhole}
          disabled={saves}
          ref={field}
          onFocus={() => setDraft(String(user.credits))}
          onBlur={() => setDraft((now) => (saves ? now : null))}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
      </form>
    </li>
  )
}
